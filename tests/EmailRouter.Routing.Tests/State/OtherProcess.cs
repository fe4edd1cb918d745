using System.Diagnostics;
using EmailRouter.Mail;
using EmailRouter.Routing.State;

namespace EmailRouter.Routing.Tests.State;

/// <summary>Another process that works on the same state, until it is killed.</summary>
internal sealed class OtherProcess : IDisposable
{
    private readonly Process process;

    private OtherProcess(Process process) => this.process = process;

    public static async Task<OtherProcess> StartAsync(string path, string work)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            ArgumentList = { typeof(OtherProcess).Assembly.Location, "state", path, work },
        };
        var other = new OtherProcess(Process.Start(start)!);
        Assert.Equal("ready", await other.ReadLineAsync());
        return other;
    }

    public async Task<string?> ReadLineAsync() => await process.StandardOutput.ReadLineAsync();

    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    /// <summary>What the other process does.</summary>
    internal static async Task<int> RunAsync(string path, string work)
    {
        await using SqliteRouterState state = await SqliteRouterState.OpenAsync(path, TimeProvider.System, default);
        var mailbox = new MailboxKey("Contoso", "other@example.test");
        switch (work)
        {
            case "record":
                // Reports each message once it is durable.
                await Console.Out.WriteLineAsync("ready");
                for (int i = 0; i < 100_000; i++)
                {
                    var decision = new Decision
                    {
                        Id = Guid.NewGuid(),
                        On = TimeProvider.System.GetUtcNow(),
                        Direction = MailDirection.Incoming,
                        Deployment = mailbox.Deployment,
                        Mailbox = mailbox.Address,
                        MessageKey = $"uid{i}",
                        Action = DecisionAction.Promoted,
                        Reason = "AcceptAll",
                        Explanation = "By the other process.",
                    };
                    await state.RecordAsync(mailbox, [new($"uid{i}", decision, false)], new MailboxCursor($"{i}"), default);
                    await Console.Out.WriteLineAsync($"{i}");
                }

                return 0;
            case "hold":
                // Holds an unfinished transaction until it is killed.
                await state.File.WriteAsync(
                    session =>
                    {
                        session.Statement("INSERT INTO mailbox (deployment_key, address_key, cursor) VALUES ('contoso', 'other@example.test', 'unfinished')").ExecuteNonQuery();
                        Console.Out.WriteLine("ready");
                        Console.In.ReadLine();
                        return 0;
                    },
                    default);
                return 0;
            default:
                return 1;
        }
    }
}
