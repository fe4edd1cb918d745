namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>The state machine of the email activity.</summary>
internal static class EmailTransitions
{
    /// <summary>Gets the state that belongs to a status.</summary>
    /// <param name="status">The status.</param>
    /// <returns>The state.</returns>
    public static EmailState StateOf(EmailStatus status) => status switch
    {
        EmailStatus.Draft or EmailStatus.Failed => EmailState.Open,
        EmailStatus.Canceled => EmailState.Canceled,
        _ => EmailState.Completed,
    };

    /// <summary>Checks that a status may follow another.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="from">Its status.</param>
    /// <param name="to">The status it is to get.</param>
    /// <param name="isOutgoing">False for a received email, which is never sent.</param>
    /// <exception cref="CrmException"><c>CrmTransitionInvalid</c>.</exception>
    public static void Check(Guid activityId, EmailStatus from, EmailStatus to, bool isOutgoing = true)
    {
        EmailStatus[] allowed = isOutgoing ? After(from) : AfterReceiving(from);
        if (!allowed.Contains(to))
        {
            throw new CrmException(
                "CrmTransitionInvalid",
                $"The email {activityId} is {from} and cannot become {to}.",
                allowed.Length == 0 ? "Create a new email." : $"From {from} it can become {string.Join(", ", allowed)}.")
            { IsAboutRecord = true };
        }
    }

    /// <summary>What a client writes down as received is a draft until it is complete.</summary>
    private static EmailStatus[] AfterReceiving(EmailStatus status) =>
        status is EmailStatus.Draft ? [EmailStatus.Received, EmailStatus.Completed, EmailStatus.Canceled] : [];

    private static EmailStatus[] After(EmailStatus status) => status switch
    {
        EmailStatus.Draft or EmailStatus.Failed => [EmailStatus.PendingSend, EmailStatus.Sent, EmailStatus.Completed, EmailStatus.Canceled],
        EmailStatus.PendingSend => [EmailStatus.Sending, EmailStatus.Canceled],
        EmailStatus.Sending => [EmailStatus.Sent, EmailStatus.PendingSend, EmailStatus.Failed],

        // It came back.
        EmailStatus.Sent => [EmailStatus.Failed],
        _ => [],
    };
}
