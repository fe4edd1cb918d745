using System.Runtime.InteropServices;
using EmailRouter.Crm;
using EmailRouter.Lab.Demo;
using EmailRouter.Routing;

namespace EmailRouter.Lab;

/// <summary>The program: runs the demo and prints what happened.</summary>
internal static class LabProgram
{
    private const string Usage = """
        EmailRouter lab: routes sample mail into a small CRM and sends the CRM's mail, all on this machine, in a few seconds.

        Usage: dotnet run -c Release --project src/EmailRouter.Lab [-- options]

          --json FILE   write the result, with the evidence of every decision, to FILE as well
          --keep        leave the mail servers up afterwards, and say how to reach them from PowerShell
          --help        this text

        Exit code: 0 when every decision is the expected one, 1 when not, 2 when the options are wrong.
        """;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        string? jsonPath = null;
        bool keep = false;
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--json" when i + 1 < args.Length:
                    jsonPath = args[++i];
                    break;
                case "--keep":
                    keep = true;
                    break;
                case "--help" or "-h" or "-?" or "/?":
                    await output.WriteLineAsync(Usage);
                    return 0;
                default:
                    await error.WriteLineAsync(args[i] == "--json" ? "--json needs the name of a file." : $"There is no option {args[i]}.");
                    await error.WriteLineAsync(Usage);
                    return 2;
            }
        }

        try
        {
            await using LabSession session = await LabSession.StartAsync(new LabOptions(), cancellationToken);
            DemoResult result = await new LabDemo(session, TimeProvider.System).RunAsync(cancellationToken);
            DemoReport.Write(result, output);
            if (jsonPath is not null)
                await WriteJsonAsync(result, jsonPath, cancellationToken);
            if (keep)
                await KeepAsync(session, output, cancellationToken);
            return result.IsAsExpected ? 0 : 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CrmException or RouterException)
        {
            RouterError reported = RouterError.From(e, "Lab");
            await error.WriteLineAsync($"{reported.Message} {reported.Remedy}");
            return 1;
        }
    }

    private static async Task WriteJsonAsync(DemoResult result, string path, CancellationToken cancellationToken)
    {
        await using FileStream file = File.Create(path);
        await DemoReport.WriteJsonAsync(result, file, cancellationToken);
    }

    private static async Task KeepAsync(LabSession session, TextWriter output, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        try
        {
            LabDirections.Write(session, output);
            await Task.Delay(Timeout.InfiniteTimeSpan, stop.Token);
        }
        catch (OperationCanceledException)
        {
            // That is the way to end it.
        }

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }
}
