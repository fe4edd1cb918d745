namespace EmailRouter.Crm.Server;

/// <summary>Whether what became of an email is written already, and whether its claim still holds.</summary>
internal static class OutcomeState
{
    /// <summary>Says whether an outcome stands in the email already: by a second call, or by an answer that was lost.</summary>
    /// <param name="outcome">The outcome.</param>
    /// <param name="status">The email's status now.</param>
    /// <param name="messageId">The email's Message-ID now.</param>
    /// <returns>True when there is nothing to do.</returns>
    public static bool IsWritten(SendOutcome outcome, EmailStatus status, string? messageId) => outcome switch
    {
        SendOutcome.Sent sent => status == EmailStatus.Sent && messageId == sent.MessageId,
        SendOutcome.Failed => status == EmailStatus.Failed,
        SendOutcome.Retry or SendOutcome.Released => status == EmailStatus.PendingSend,
        SendOutcome.Uncertain uncertain => status == EmailStatus.Sending && messageId == uncertain.MessageId,
        _ => false,
    };

    /// <summary>The claim does not hold any more.</summary>
    /// <param name="activityId">The email.</param>
    /// <param name="state">What it is now, in words.</param>
    /// <returns>The error.</returns>
    public static CrmException Lost(Guid activityId, string state) => new(
        "CrmClaimLost",
        $"The email {activityId} was claimed by somebody else or is finished; it is {state}.",
        "Look at the email and at the send journal; an attempt that takes longer than the time after which emails are taken back needs a longer such time.")
    { IsAboutRecord = true };

    /// <summary>The email is gone.</summary>
    /// <param name="activityId">The email.</param>
    /// <returns>The error.</returns>
    public static CrmException Missing(Guid activityId) =>
        new("CrmRecordMissing", $"There is no email with the id {activityId}.", "Look at who deleted it.") { IsAboutRecord = true };
}
