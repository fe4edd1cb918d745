using EmailRouter.Crm;
using EmailRouter.Mail;

namespace EmailRouter.Routing;

/// <summary>An error as the router reports it: which step of which mailbox or record, what happened, and what to do about it.</summary>
/// <param name="ErrorId">The stable id; ids are API.</param>
/// <param name="Step">The step, in words: <c>Authenticate</c>, <c>Deliver</c>, ...</param>
/// <param name="Message">What happened.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="IsTransient">Whether the same attempt may succeed later without anybody doing anything.</param>
public sealed record RouterError(string ErrorId, string Step, string Message, string Remedy, bool IsTransient)
{
    /// <summary>Gets how long to wait before the next attempt, where the server says so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Puts an exception of either side into the router's words.</summary>
    /// <param name="exception">The exception.</param>
    /// <param name="step">The router's step that it ended.</param>
    /// <returns>The error.</returns>
    public static RouterError From(Exception exception, string step)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception switch
        {
            RouterException router => router.Error,
            MailException mail => new RouterError(mail.ErrorId, mail.Step.ToString(), mail.Message, mail.Remedy, mail.IsTransient) { RetryAfter = mail.RetryAfter },
            CrmException crm => new RouterError(crm.ErrorId, step, crm.Message, crm.Remedy, crm.IsTransient) { RetryAfter = crm.RetryAfter },
            IOException io => new RouterError("RouterStorageFailed", step, io.Message, "Check that the disk has room and that the router's account may write there.", true),
            UnauthorizedAccessException denied => new RouterError(
                "RouterStorageDenied", step, denied.Message, "Give the router's account read and write access to the file or folder named.", false),
            _ => new RouterError("RouterUnexpected", step, $"{exception.GetType().Name}: {exception.Message}", "This is a defect of the router; report it with this text.", false),
        };
    }
}

/// <summary>The router itself cannot go on: configuration, state, or a lease.</summary>
/// <param name="error">What happened.</param>
/// <param name="inner">The cause.</param>
public sealed class RouterException(RouterError error, Exception? inner = null) : Exception(error?.Message, inner)
{
    /// <summary>Gets what happened.</summary>
    public RouterError Error { get; } = error ?? throw new ArgumentNullException(nameof(error));
}
