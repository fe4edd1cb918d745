using System.Globalization;
using EmailRouter.Crm;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Access;

/// <summary>Collects the steps of one access test: those of the tester and those that a mail system reports meanwhile.</summary>
/// <param name="context">The clock, and who else watches the mail system's steps.</param>
/// <param name="cancellationToken">The token of the test: its cancellation is no failure of a step.</param>
internal sealed class AccessSteps(MailContext context, CancellationToken cancellationToken) : IProgress<MailStepReport>
{
    private readonly object gate = new();
    private readonly List<AccessStep> steps = [];

    /// <summary>Gets a value indicating whether a reported step counts once however many connections are opened: then the last word about it stands. Defaults to false.</summary>
    public bool EachOnce { get; init; }

    /// <summary>Takes a step of a mail system; called from any thread.</summary>
    /// <param name="value">The report.</param>
    public void Report(MailStepReport value)
    {
        AccessStep step = CheckCertificate(new AccessStep(value.Step.ToString(), value.Success, value.Detail, value.Elapsed), value.CertificateExpiresOn);
        lock (gate)
        {
            int known = EachOnce ? steps.FindIndex(s => s.Name == step.Name) : -1;
            if (known < 0)
            {
                steps.Add(step);
            }
            else if (!step.Success || !steps[known].Success)
            {
                steps.RemoveAt(known);
                steps.Add(step);
            }
        }

        context.Steps?.Report(value);
    }

    /// <summary>Adds a step that succeeded.</summary>
    /// <param name="name">The step.</param>
    /// <param name="detail">What was found.</param>
    public void Pass(string name, string detail) => Add(new AccessStep(name, true, detail, TimeSpan.Zero));

    /// <summary>Adds a step that failed.</summary>
    /// <param name="name">The step.</param>
    /// <param name="errorId">The stable id.</param>
    /// <param name="detail">What happened.</param>
    /// <param name="remedy">What to do about it.</param>
    public void Fail(string name, string errorId, string detail, string remedy) => Add(new AccessStep(name, false, detail, TimeSpan.Zero) { ErrorId = errorId, Remedy = remedy });

    /// <summary>Adds what a CRM found.</summary>
    /// <param name="name">The step.</param>
    /// <param name="finding">The finding; a warning is a step that succeeded.</param>
    public void Add(string name, CrmFinding finding) => Add(new AccessStep(name, finding.Severity != CrmFindingSeverity.Error, finding.Text, TimeSpan.Zero)
    {
        ErrorId = finding.Severity == CrmFindingSeverity.Right ? null : finding.Id,
        Remedy = finding.Remedy,
    });

    /// <summary>Adds a step that failed and without which the test cannot go on.</summary>
    /// <inheritdoc cref="Fail"/>
    /// <returns>The exception to throw.</returns>
    public AccessEndException End(string name, string errorId, string detail, string remedy)
    {
        Fail(name, errorId, detail, remedy);
        return new AccessEndException();
    }

    /// <summary>Runs a step. What a mail system reports meanwhile stands before it; a report of the same name stands for it.</summary>
    /// <typeparam name="T">What the step yields.</typeparam>
    /// <param name="name">The step.</param>
    /// <param name="work">The work; returns its result and what was found.</param>
    /// <param name="isQuiet">Whether only a failure is recorded: for work that is done again and again, or whose success shows in the next step.</param>
    /// <param name="stepOf">Says to which step a failure belongs; null for this one.</param>
    /// <returns>The result.</returns>
    /// <exception cref="AccessEndException">The step failed and is recorded.</exception>
    public async Task<T> RunAsync<T>(
        string name, Func<ValueTask<(T Result, string Detail)>> work, bool isQuiet = false, Func<Exception, string>? stepOf = null)
    {
        int reported = ToList().Count;
        long started = context.Clock.GetTimestamp();
        try
        {
            (T result, string detail) = await work().ConfigureAwait(false);
            if (!isQuiet && !ToList().Skip(reported).Any(step => step.Name == name))
                Add(new AccessStep(name, true, detail, context.Clock.GetElapsedTime(started)));
            return result;
        }
        catch (Exception e) when (e is not AccessEndException && (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested))
        {
            AddFailure(reported, RouterError.From(e, stepOf?.Invoke(e) ?? name), context.Clock.GetElapsedTime(started));
            throw new AccessEndException();
        }
    }

    /// <summary>Warns when the connection was not secured.</summary>
    /// <param name="profile">The profile.</param>
    public void WarnWithoutTls(ProfileConfiguration profile)
    {
        bool isSecured = profile.Path is not null || (profile.Url is { } url
            ? url.Scheme == Uri.UriSchemeHttps
            : profile.Tls is TlsMode.Implicit or TlsMode.StartTls || ToList().Any(step => step.Name == nameof(MailStep.Tls)));
        if (!isSecured)
            WarnWithoutTls("Let the server offer TLS and set the profile to Implicit or StartTls, unless the network is one you trust.");
    }

    /// <summary>Warns that the connection was not secured.</summary>
    /// <param name="remedy">What to do about it.</param>
    public void WarnWithoutTls(string remedy) =>
        Add(new AccessStep(nameof(MailStep.Tls), true, "The connection is not encrypted.", TimeSpan.Zero) { ErrorId = "RouterTlsMissing", Remedy = remedy });

    /// <summary>Warns when the certificate by which an application logs in ends soon; one that cannot be used is a step that failed.</summary>
    /// <param name="name">The step.</param>
    /// <param name="subject">Whose log-in it is.</param>
    /// <param name="tokens">What knows its certificate.</param>
    public void WarnOfClientCertificate(string name, TokenSubject subject, TokenSource tokens)
    {
        DateTimeOffset? expiresOn;
        try
        {
            expiresOn = tokens.CertificateExpiresOn(subject);
        }
        catch (Exception e) when (e is MailException or CrmException or RouterException)
        {
            RouterError error = RouterError.From(e, name);
            Fail(name, error.ErrorId, error.Message, error.Remedy);
            return;
        }

        DateTimeOffset now = context.Clock.GetUtcNow();
        if (expiresOn is not { } end || end - now > AccessTester.ClientCertificateWarning)
            return;
        string day = end.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        Add(new AccessStep(name, true, $"The certificate by which {subject} logs in {(end <= now ? "expired" : "expires")} on {day}.", TimeSpan.Zero)
        {
            ErrorId = "RouterClientCertificateExpires",
            Remedy = $"Make a new certificate, register its public part with the application {subject.OAuth.ClientId}, and name it in the configuration.",
        });
    }

    /// <summary>Gets the steps so far.</summary>
    /// <returns>The steps in their order.</returns>
    public IReadOnlyList<AccessStep> ToList()
    {
        lock (gate)
            return [.. steps];
    }

    private void Add(AccessStep step)
    {
        lock (gate)
            steps.Add(step);
    }

    private void AddFailure(int reported, RouterError error, TimeSpan elapsed)
    {
        lock (gate)
        {
            // The mail system has reported the failed step already: it only lacks the id and the remedy.
            int last = steps.Count - 1;
            if (last >= reported && !steps[last].Success)
                steps[last] = steps[last] with { ErrorId = error.ErrorId, Remedy = error.Remedy };
            else
                steps.Add(new AccessStep(error.Step, false, error.Message, elapsed) { ErrorId = error.ErrorId, Remedy = error.Remedy });
        }
    }

    private AccessStep CheckCertificate(AccessStep step, DateTimeOffset? expiresOn)
    {
        DateTimeOffset now = context.Clock.GetUtcNow();
        if (!step.Success || expiresOn is not { } end || end - now > AccessTester.CertificateWarning)
            return step;
        string day = end.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        return step with
        {
            Detail = $"{step.Detail}; the certificate {(end <= now ? "expired" : "expires")} on {day}",
            ErrorId = "RouterCertificateExpires",
            Remedy = "Renew the server's certificate; if its key is pinned and changes, pin the new one.",
        };
    }
}

/// <summary>A step failed without which the rest of the test cannot go on; the step is recorded.</summary>
internal sealed class AccessEndException : Exception;
