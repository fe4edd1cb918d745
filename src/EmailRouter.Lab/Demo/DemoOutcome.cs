using EmailRouter.Routing;

namespace EmailRouter.Lab.Demo;

/// <summary>What became of one sample message or one seeded email, held against what was expected.</summary>
public sealed record DemoOutcome
{
    /// <summary>Gets the sample's file, or the seeded email's key.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the direction.</summary>
    public required MailDirection Direction { get; init; }

    /// <summary>Gets the phase: 1 before the pending email was sent, 2 the customers' answers; 0 for sent email.</summary>
    public required int Phase { get; init; }

    /// <summary>Gets what was expected, in words.</summary>
    public required string Expected { get; init; }

    /// <summary>Gets why that was expected.</summary>
    public required string Why { get; init; }

    /// <summary>Gets the decisions, one for each copy that was looked at.</summary>
    public required IReadOnlyList<Decision> Decisions { get; init; }

    /// <summary>Gets in what the outcome differs from what was expected; empty when it does not.</summary>
    public required IReadOnlyList<string> Differences { get; init; }
}

/// <summary>What became of a mailbox's mail.</summary>
public sealed record DemoMailbox
{
    /// <summary>Gets the address.</summary>
    public required string Address { get; init; }

    /// <summary>Gets the filter of the user or queue.</summary>
    public required string Filter { get; init; }

    /// <summary>Gets how many messages were delivered to it.</summary>
    public int Delivered { get; init; }

    /// <summary>Gets how many became email activities.</summary>
    public int Promoted { get; init; }

    /// <summary>Gets how many were there already.</summary>
    public int Duplicate { get; init; }

    /// <summary>Gets how many were left alone.</summary>
    public int NotTracked { get; init; }

    /// <summary>Gets how many were deferred or set aside.</summary>
    public int Troubled { get; init; }

    /// <summary>Gets how many of its emails were sent.</summary>
    public int Sent { get; init; }

    /// <summary>Gets how many of its emails could not be sent.</summary>
    public int Failed { get; init; }
}

/// <summary>What the demo did.</summary>
public sealed record DemoResult
{
    /// <summary>Gets the mailboxes.</summary>
    public required IReadOnlyList<DemoMailbox> Mailboxes { get; init; }

    /// <summary>Gets the outcomes: first the samples of phase 1, then the sent email, then the customers' answers.</summary>
    public required IReadOnlyList<DemoOutcome> Outcomes { get; init; }

    /// <summary>Gets errors that concern no single message, e.g. a mailbox that could not be opened.</summary>
    public required IReadOnlyList<string> Errors { get; init; }

    /// <summary>Gets how long it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Gets a value indicating whether every decision is the expected one.</summary>
    public bool IsAsExpected => Errors.Count == 0 && Outcomes.All(o => o.Differences.Count == 0);
}
