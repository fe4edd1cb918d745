using EmailRouter.Routing.Tests.State;

namespace EmailRouter.Routing.Tests;

/// <summary>Started by tests as a second process; the test runner never calls it.</summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["state", string path, string work])
            return await OtherProcess.RunAsync(path, work);
        await Console.Error.WriteLineAsync("This program is a part of the tests; run dotnet test.");
        return 1;
    }
}
