namespace EmailRouter.Mail.Net;

/// <summary>Runs one step of talking to a server and tells whoever watches how it ended.</summary>
internal static class MailSteps
{
    /// <summary>Runs a step.</summary>
    /// <typeparam name="T">What the step yields.</typeparam>
    /// <param name="context">The clock and whoever watches.</param>
    /// <param name="step">Which step.</param>
    /// <param name="work">The step; returns its result and the detail to report.</param>
    /// <param name="complete">Adds to the report of a step that succeeded; null for nothing.</param>
    /// <returns>The result of the step.</returns>
    public static async ValueTask<T> RunAsync<T>(
        MailContext context, MailStep step, Func<ValueTask<(T Result, string Detail)>> work, Func<MailStepReport, T, MailStepReport>? complete = null)
    {
        long started = context.Clock.GetTimestamp();
        try
        {
            (T result, string detail) = await work().ConfigureAwait(false);
            if (context.Steps is { } steps)
            {
                var report = new MailStepReport(step, true, detail, context.Clock.GetElapsedTime(started));
                steps.Report(complete?.Invoke(report, result) ?? report);
            }

            return result;
        }
        catch (MailException e)
        {
            context.Steps?.Report(new MailStepReport(step, false, e.Message, context.Clock.GetElapsedTime(started)));
            throw;
        }
    }
}
