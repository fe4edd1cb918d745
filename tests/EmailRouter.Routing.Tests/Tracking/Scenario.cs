using EmailRouter.Crm;

namespace EmailRouter.Routing.Tests.Tracking;

/// <summary>One row: what is set, what arrives, what is decided.</summary>
internal sealed record Scenario(string Name, IncomingEmail Email, CheckReason Reason)
{
    /// <summary>Gets what is set otherwise than in <see cref="Office"/>.</summary>
    public Action<Office> Given { get; init; } = _ => { };

    /// <summary>Gets the correlation method of the activity; not looked at when the email is not promoted.</summary>
    public CorrelationMethod Method { get; init; }

    /// <summary>Gets the record that the sender resolves to.</summary>
    public RecordReference? Sender { get; init; }

    /// <summary>Gets the accepting user or queue.</summary>
    public RecordReference? AcceptedBy { get; init; }
}
