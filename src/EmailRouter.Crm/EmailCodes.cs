namespace EmailRouter.Crm;

/// <summary>The values of <c>email.statuscode</c>.</summary>
public enum EmailStatus
{
    /// <summary>Draft (state Open).</summary>
    Draft = 1,

    /// <summary>Completed (state Completed).</summary>
    Completed = 2,

    /// <summary>Sent (state Completed).</summary>
    Sent = 3,

    /// <summary>Received (state Completed).</summary>
    Received = 4,

    /// <summary>Canceled (state Canceled).</summary>
    Canceled = 5,

    /// <summary>Pending Send (state Completed).</summary>
    PendingSend = 6,

    /// <summary>Sending (state Completed).</summary>
    Sending = 7,

    /// <summary>Failed (state Open).</summary>
    Failed = 8,
}

/// <summary>The values of <c>email.statecode</c>.</summary>
public enum EmailState
{
    /// <summary>Open.</summary>
    Open = 0,

    /// <summary>Completed.</summary>
    Completed = 1,

    /// <summary>Canceled.</summary>
    Canceled = 2,
}

/// <summary>The values of <c>email.correlationmethod</c>.</summary>
public enum CorrelationMethod
{
    /// <summary>Nothing matched.</summary>
    None = 0,

    /// <summary>Correlation was not done.</summary>
    Skipped = 1,

    /// <summary>An X- header.</summary>
    XHeader = 2,

    /// <summary>In-Reply-To or References.</summary>
    InReplyTo = 3,

    /// <summary>The tracking token in the subject.</summary>
    TrackingToken = 4,

    /// <summary>The conversation index (Thread-Index).</summary>
    ConversationIndex = 5,

    /// <summary>Smart matching.</summary>
    SmartMatching = 6,

    /// <summary>A plug-in.</summary>
    CustomCorrelation = 7,
}

/// <summary>The values of <c>email.notifications</c>.</summary>
public enum EmailNotification
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Some attachments were not saved.</summary>
    AttachmentsNotSaved = 1,

    /// <summary>The body was cut.</summary>
    BodyTruncated = 2,
}

/// <summary>The values of <c>email.prioritycode</c>.</summary>
public enum EmailPriority
{
    /// <summary>Low.</summary>
    Low = 0,

    /// <summary>Normal.</summary>
    Normal = 1,

    /// <summary>High.</summary>
    High = 2,
}
