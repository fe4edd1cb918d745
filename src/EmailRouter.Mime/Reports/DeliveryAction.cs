namespace EmailRouter.Mime.Reports;

/// <summary>What a server did with a message for one recipient (RFC 3464 2.3.3).</summary>
public enum DeliveryAction
{
    /// <summary>The report does not say, or says something that is not defined.</summary>
    Unknown,

    /// <summary>It could not be delivered, and will not be tried again.</summary>
    Failed,

    /// <summary>It could not be delivered so far; the server goes on trying.</summary>
    Delayed,

    /// <summary>It was delivered.</summary>
    Delivered,

    /// <summary>It was handed to a server that reports nothing.</summary>
    Relayed,

    /// <summary>It was delivered and from there sent to several others.</summary>
    Expanded,
}
