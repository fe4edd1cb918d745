namespace EmailRouter.Crm;

/// <summary>An organization could not be used. Says at which step, why, and what to do about it.</summary>
/// <param name="errorId">A stable id, e.g. <c>CrmStoreLocked</c>; ids are API.</param>
/// <param name="message">What happened, in words an administrator understands, with the organization and the record.</param>
/// <param name="remedy">What to do about it.</param>
/// <param name="inner">The cause.</param>
public class CrmException(string errorId, string message, string remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Gets the stable id.</summary>
    public string ErrorId { get; } = errorId;

    /// <summary>Gets what to do about it.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>Gets a value indicating whether the same attempt may succeed later without anybody doing anything.</summary>
    public bool IsTransient { get; init; }

    /// <summary>
    /// Gets a value indicating whether the one email or record is to blame (a plug-in refused it, a column does not fit) rather than the organization,
    /// so that the next one may go through.
    /// </summary>
    public bool IsAboutRecord { get; init; }

    /// <summary>Gets how long to wait before the next attempt, where the server says so.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
