using System.Text.Json.Serialization;

namespace EmailRouter.Lab.Samples;

/// <summary>A sample message and what the router is expected to do with it: an entry of <c>samples/mail/expected.json</c>.</summary>
public sealed record SampleMessage
{
    /// <summary>Gets the file's name within <c>samples/mail</c>.</summary>
    public required string File { get; init; }

    /// <summary>Gets when it is delivered: 1 before the CRM's pending email is sent, 2 afterwards, as the customers' answers to it.</summary>
    public required int Phase { get; init; }

    /// <summary>Gets the mailboxes it is delivered to, one copy each.</summary>
    public required IReadOnlyList<string> Mailboxes { get; init; }

    /// <summary>
    /// Gets how many decisions of each action the copies lead to, e.g. one Promoted and four Duplicate: which of several mailboxes is polled first does not
    /// matter. Empty when the mailbox is not polled at all.
    /// </summary>
    public required IReadOnlyDictionary<string, int> Actions { get; init; }

    /// <summary>Gets the reason codes that the decision may have; those of duplicates beside a promoted copy are not looked at.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>Gets the correlation method of the activity (<c>correlationmethod</c>); null when there must be none.</summary>
    public string? Correlation { get; init; }

    /// <summary>Gets the key of the seeded pending email that it answers; null when it answers none or it does not matter.</summary>
    public string? Answers { get; init; }

    /// <summary>Gets what the activity is regarding, as table and name, e.g. <c>account Adatum</c>; null when nothing.</summary>
    public string? Regarding { get; init; }

    /// <summary>Gets the record that the sender resolves to, as table and name; empty when it must stay unresolved; null when it does not matter.</summary>
    public string? Sender { get; init; }

    /// <summary>Gets a value indicating whether the sender's record is created.</summary>
    public bool SenderCreated { get; init; }

    /// <summary>Gets the queues that have a queue item for the activity; null when there must be none.</summary>
    public IReadOnlyList<string>? Queues { get; init; }

    /// <summary>Gets the activity's subject; null when it does not matter.</summary>
    public string? Subject { get; init; }

    /// <summary>Gets text that the activity's description holds; null when it does not matter.</summary>
    public string? Body { get; init; }

    /// <summary>Gets the names of the activity's attachments, in order; null when it does not matter.</summary>
    public IReadOnlyList<string>? Attachments { get; init; }

    /// <summary>Gets the notice on the activity (<c>notifications</c>); null for none.</summary>
    public string? Notification { get; init; }

    /// <summary>Gets why it is expected, in one sentence.</summary>
    public required string Why { get; init; }

    /// <summary>Gets the bytes, placeholders included.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> Template { get; init; }
}
