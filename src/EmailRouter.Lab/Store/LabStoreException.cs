namespace EmailRouter.Lab.Store;

/// <summary>The store refuses something; servers turn it into the error of their protocol.</summary>
/// <param name="error">Why.</param>
/// <param name="message">What, in a sentence.</param>
public sealed class LabStoreException(LabStoreError error, string message) : Exception(message)
{
    /// <summary>Gets why.</summary>
    public LabStoreError Error { get; } = error;
}

/// <summary>Why the store refuses something.</summary>
public enum LabStoreError
{
    /// <summary>There is no such mailbox.</summary>
    MailboxNotFound,

    /// <summary>There is no such folder.</summary>
    FolderNotFound,

    /// <summary>There is no such message, or it has moved.</summary>
    MessageNotFound,

    /// <summary>A folder of that name is there already.</summary>
    FolderExists,

    /// <summary>A folder that every mailbox has cannot be renamed, moved or deleted.</summary>
    WellKnownFolder,

    /// <summary>A folder would stand below itself.</summary>
    FolderLoop,

    /// <summary>The message has changed since the change key that was given.</summary>
    Conflict,

    /// <summary>The mailbox is full.</summary>
    QuotaExceeded,

    /// <summary>The message is larger than the store takes.</summary>
    MessageTooLarge,

    /// <summary>Nobody would get the message.</summary>
    NoRecipients,

    /// <summary>The sender's address is another one's, and the account may not send for them.</summary>
    SendAsDenied,
}
