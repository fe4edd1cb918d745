namespace EmailRouter.Crash.Tests;

/// <summary>Started by the tests as the process that gets killed; the test runner never calls it.</summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is ["poll" or "send" or "drain", string configuration])
            return await Victim.RunAsync(args[0], configuration);
        await Console.Error.WriteLineAsync("This program is a part of the tests; run dotnet test.");
        return 1;
    }
}
