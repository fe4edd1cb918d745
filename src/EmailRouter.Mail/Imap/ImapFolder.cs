using System.Text;

namespace EmailRouter.Mail.Imap;

/// <summary>The selected mailbox as the server describes it.</summary>
/// <param name="name">Its name.</param>
internal sealed class ImapFolder(string name)
{
    private HashSet<string>? permanentFlags;

    /// <summary>Gets the name.</summary>
    public string Name { get; } = name;

    /// <summary>Gets the UIDVALIDITY; 0 when the server has none: then UIDs mean nothing beyond this session (MailKit #150).</summary>
    public uint UidValidity { get; private set; }

    /// <summary>Gets the next UID; null when the server does not say, or says nonsense (MailKit #1010).</summary>
    public uint? UidNext { get; private set; }

    /// <summary>Gets the highest modification sequence; null without CONDSTORE, or when it is 0 or -1 (MailKit #228, #1686).</summary>
    public long? HighestModSeq { get; private set; }

    /// <summary>Gets the number of messages; null when the server does not say.</summary>
    public long? Exists { get; private set; }

    /// <summary>Gets a value indicating whether nothing can be changed.</summary>
    public bool IsReadOnly { get; private set; }

    /// <summary>Gets or sets a value indicating whether nothing has been asked since it was selected, so that what SELECT said is still true.</summary>
    public bool IsFresh { get; set; } = true;

    /// <summary>Gets a value indicating whether mail came since <see cref="ForgetNews"/>.</summary>
    public bool HasNews { get; private set; }

    /// <summary>Gets the UIDs that the server said have vanished.</summary>
    public HashSet<uint> Vanished { get; } = [];

    /// <summary>Waits for news from here on.</summary>
    public void ForgetNews() => HasNews = false;

    /// <summary>Gets a value indicating whether it keeps keywords at all: new ones, or some that it has.</summary>
    public bool CanKeepKeywords => permanentFlags is null || permanentFlags.Any(f => f == @"\*" || !f.StartsWith('\\'));

    /// <summary>Tells whether a flag can be set for good. Servers that do not say permit all (RFC 3501 7.1).</summary>
    /// <param name="flag">The flag.</param>
    /// <returns>True when it can.</returns>
    public bool CanKeep(string flag) =>
        permanentFlags is null || permanentFlags.Contains(flag) || (flag[0] != '\\' && permanentFlags.Contains(@"\*"));

    /// <summary>Takes a response that says something about the selected mailbox.</summary>
    /// <param name="response">The response.</param>
    public void Take(ImapResponse response)
    {
        long? number = ImapNumber.Parse(Encoding.UTF8.GetBytes(response.Arguments));
        switch (response.Code)
        {
            case "UIDVALIDITY" when number is { } validity and <= uint.MaxValue:
                UidValidity = (uint)validity;
                break;
            case "UIDNEXT":
                UidNext = number is > 0 and <= uint.MaxValue ? (uint)number : null;
                break;
            case "HIGHESTMODSEQ":
                HighestModSeq = number > 0 ? number : null;
                break;
            case "NOMODSEQ":
                HighestModSeq = null;
                break;
            case "READ-ONLY":
                IsReadOnly = true;
                break;
            case "READ-WRITE":
                IsReadOnly = false;
                break;
            case "PERMANENTFLAGS":
                string[] flags = response.Arguments.Split([' ', '(', ')'], StringSplitOptions.RemoveEmptyEntries);
                permanentFlags = new HashSet<string>(flags, StringComparer.OrdinalIgnoreCase);
                break;
        }
    }

    /// <summary>Takes the number of messages.</summary>
    /// <param name="count">The number.</param>
    public void TakeExists(long count)
    {
        HasNews |= count >= (Exists ?? 0);
        Exists = count;
    }

    /// <summary>Takes the news that a message was removed.</summary>
    public void TakeExpunge() => Exists = Exists is > 0 ? Exists - 1 : Exists;

    /// <summary>Takes the news that messages were removed.</summary>
    /// <param name="uids">Their UIDs.</param>
    /// <param name="earlier">Whether that was before the mailbox was selected, so that they do not count any more.</param>
    public void TakeVanished(IReadOnlyList<uint> uids, bool earlier)
    {
        Vanished.UnionWith(uids);
        if (!earlier)
            Exists = Exists is { } count ? Math.Max(0, count - uids.Count) : null;
    }
}
