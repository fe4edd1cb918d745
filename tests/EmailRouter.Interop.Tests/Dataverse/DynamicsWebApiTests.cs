using System.Diagnostics;
using EmailRouter.Interop.Tests.Servers;
using EmailRouter.Lab.Tests.Dataverse;

namespace EmailRouter.Interop.Tests.Dataverse;

/// <summary>The lab's Web API, driven by a client for Dataverse that others wrote and use: dynamics-web-api of npm.</summary>
public sealed class DynamicsWebApiTests
{
    private static readonly TimeSpan deadline = TimeSpan.FromMinutes(2);

    [ServerFact(Software.DynamicsWebApi)]
    public async Task A_foreign_client_reads_writes_pages_batches_and_calls_messages()
    {
        var world = new DataverseWorld();
        await world.InitializeAsync();
        try
        {
            var start = new ProcessStartInfo(Installed.Find("node")!)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                ArgumentList =
                {
                    Path.Combine(AppContext.BaseDirectory, "Dataverse", "dynamics-web-api.cjs"), world.Server.Url.ToString(), world.Token(), world.Anna.ToString(),
                    world.Contact.ToString(),
                },
            };
            start.Environment["NODE_PATH"] = Installed.FindNodeModules("dynamics-web-api");
            using var cancel = new CancellationTokenSource(deadline);
            using Process node = Process.Start(start)!;
            Task<string> output = node.StandardOutput.ReadToEndAsync(cancel.Token);
            Task<string> error = node.StandardError.ReadToEndAsync(cancel.Token);
            await node.WaitForExitAsync(cancel.Token);

            Assert.True(node.ExitCode == 0, await error);
            Assert.Contains("all is well", await output, StringComparison.Ordinal);
        }
        finally
        {
            await world.DisposeAsync();
        }
    }
}
