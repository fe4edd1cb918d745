using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using EmailRouter.Mime;

namespace EmailRouter.Lab.Store;

/// <summary>
/// The mailboxes of the lab and everything that was sent through it, in memory, for all its servers: POP3 and SMTP, EWS, Graph. Safe for use by many sessions
/// at once.
/// </summary>
/// <param name="clock">The clock; the system's when omitted.</param>
public sealed class LabMailStore(TimeProvider? clock = null)
{
    private readonly ConcurrentDictionary<string, LabMailbox> mailboxes = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, bool> localDomains = new(StringComparer.OrdinalIgnoreCase);
    private readonly object sentGate = new();
    private readonly List<LabSentMessage> sent = [];

    // Ids are never used again (RFC 1939 7), also not by the next lab over the same router's state.
    private readonly long era = (clock ?? TimeProvider.System).GetUtcNow().UtcTicks;
    private readonly ConcurrentDictionary<string, LabAccount> accounts = new(StringComparer.OrdinalIgnoreCase);
    private long lastId;

    /// <summary>Gets the clock that stamps arriving messages.</summary>
    public TimeProvider Clock { get; } = clock ?? TimeProvider.System;

    /// <summary>Gets the mailboxes, by address.</summary>
    public IReadOnlyList<LabMailbox> Mailboxes => [.. mailboxes.Values.OrderBy(m => m.Address, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Gets or sets the greatest message in bytes that a mailbox or a submission takes. Defaults to 36 700 160.</summary>
    public long MaximumMessageSize { get; set; } = 36_700_160;

    /// <summary>Gets everything that was accepted to be sent, in order: by SMTP, from mailboxes, and by rules that forward.</summary>
    public IReadOnlyList<LabSentMessage> Sent
    {
        get
        {
            lock (sentGate)
                return [.. sent];
        }
    }

    /// <summary>Adds a mailbox. Its domain becomes local: other addresses of the domain are refused as unknown.</summary>
    /// <param name="address">The address.</param>
    /// <param name="password">The password.</param>
    /// <returns>The mailbox; the existing one, with the new password, where there is one.</returns>
    public LabMailbox AddMailbox(string address, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        ArgumentNullException.ThrowIfNull(password);
        AddLocalDomain(DomainOf(address));
        LabMailbox mailbox = mailboxes.GetOrAdd(address, (a, p) => new LabMailbox(this, a, p), password);
        mailbox.Password = password;
        return mailbox;
    }

    /// <summary>Adds an account without a mailbox: a service, or an application that comes with a token.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="password">Its password; null for one that only comes with a token.</param>
    /// <returns>The account; the existing one, with the new password, where there is one.</returns>
    public LabAccount AddAccount(string name, string? password)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        LabAccount account = accounts.GetOrAdd(name, static n => new LabAccount(n));
        account.Password = password;
        return account;
    }

    /// <summary>Finds an account; every mailbox has one of its address.</summary>
    /// <param name="name">The name, compared without regard to case.</param>
    /// <returns>The account, or null.</returns>
    public LabAccount? FindAccount(string name) =>
        accounts.GetValueOrDefault(name) ?? (Find(name) is { } mailbox ? accounts.GetOrAdd(mailbox.Address, static n => new LabAccount(n)) : null);

    /// <summary>Checks a log-in with a password.</summary>
    /// <param name="name">The name of an account, or the address of a mailbox.</param>
    /// <param name="password">The password.</param>
    /// <returns>The account; null when the two do not fit.</returns>
    public LabAccount? LogIn(string name, string password)
    {
        LabAccount? account = FindAccount(name);
        return account is not null && (Find(name)?.Password ?? account.Password) == password ? account : null;
    }

    /// <summary>Makes a domain local without adding a mailbox.</summary>
    /// <param name="domain">The domain.</param>
    public void AddLocalDomain(string domain)
    {
        ArgumentException.ThrowIfNullOrEmpty(domain);
        localDomains[domain] = true;
    }

    /// <summary>Says whether a domain is local.</summary>
    /// <param name="domain">The domain.</param>
    /// <returns>True when only the store's own mailboxes exist in it.</returns>
    public bool IsLocalDomain(string domain) => localDomains.ContainsKey(domain);

    /// <summary>Finds a mailbox.</summary>
    /// <param name="address">The address, compared without regard to case.</param>
    /// <returns>The mailbox, or null.</returns>
    public LabMailbox? Find(string address) => mailboxes.GetValueOrDefault(address);

    /// <summary>Delivers a message to a mailbox, byte for byte, and applies the mailbox's rules to it.</summary>
    /// <param name="address">The mailbox's address.</param>
    /// <param name="content">The message.</param>
    /// <param name="receivedOn">When it arrives; now when omitted.</param>
    /// <returns>The message as it lies in the mailbox; as it was for a moment when a rule deletes it.</returns>
    /// <exception cref="ArgumentException">There is no such mailbox.</exception>
    /// <exception cref="LabStoreException">The mailbox is full, or the message too large.</exception>
    public LabMessage Deliver(string address, ReadOnlyMemory<byte> content, DateTimeOffset? receivedOn = null)
    {
        LabMailbox mailbox = Find(address) ?? throw new ArgumentException($"The lab has no mailbox {address}.", nameof(address));
        MimeMessage message = MimeMessage.Parse(content);
        DateTimeOffset arrival = receivedOn ?? Clock.GetUtcNow();
        LabRuleOutcome outcome = new LabRuleEngine(mailbox, message, arrival).Apply();
        var known = new LabNewMessage
        {
            ReceivedOn = arrival,
            IsRead = outcome.IsRead,
            Importance = outcome.Importance,
            Categories = outcome.Categories,
            IsNewMail = true,
        };
        LabMessage delivered = mailbox.Add(outcome.FolderId ?? mailbox.FolderOf(LabFolderNames.Inbox).Id, content, known);
        foreach (string copy in outcome.CopyTo)
            mailbox.Copy(delivered.Id, copy);
        if (outcome.FolderId is null)
            mailbox.Delete(delivered.Id, LabDeletion.Hard);
        Forward(mailbox, message, outcome);
        return delivered;
    }

    /// <summary>Sends a message from a mailbox, as EWS and Graph do: local recipients get it, and <see cref="Sent"/> has it.</summary>
    /// <param name="submission">The message, and who sends it.</param>
    /// <returns>What left, and the copy in Sent Items.</returns>
    /// <exception cref="LabStoreException">
    /// The message is too large, nobody would get it, the mailbox is full, or it names an author for whom the account may not send; nothing was done.
    /// </exception>
    public LabSubmitted Submit(LabSubmission submission)
    {
        ArgumentNullException.ThrowIfNull(submission);
        LabMailbox mailbox = submission.Mailbox;
        if (submission.Content.Length > MaximumMessageSize)
            throw new LabStoreException(LabStoreError.MessageTooLarge, $"The message has {submission.Content.Length:N0} bytes; {MaximumMessageSize:N0} are allowed.");
        MimeMessage message = MimeMessage.Parse(submission.Content);
        IReadOnlyList<string> recipients = submission.Recipients ?? LabSubmission.RecipientsOf(message);
        if (recipients.Count == 0)
            throw new LabStoreException(LabStoreError.NoRecipients, "The message has no recipients.");
        bool isOnBehalf = CheckAuthor(submission, message);

        byte[] kept = Complete(message, mailbox, isOnBehalf);
        LabMessage? copy = submission.SaveTo is { } folder ? mailbox.Add(folder, kept, new LabNewMessage { IsRead = true, ItemClass = submission.ItemClass }) : null;
        var leaving = new ArrayBufferWriter<byte>(kept.Length);
        HeaderSection.Remove(MimeMessage.Parse(kept), ["Bcc"], leaving);
        var sentMessage = new LabSentMessage(mailbox.Address, recipients, leaving.WrittenSpan.ToArray(), Clock.GetUtcNow(), submission.Account, null)
        {
            By = LabSentBy.Submission,
        };
        Dispatch(sentMessage);
        return new LabSubmitted(sentMessage, copy);
    }

    /// <summary>Forgets what was sent.</summary>
    public void ClearSent()
    {
        lock (sentGate)
            sent.Clear();
    }

    internal static string DomainOf(string address) => address[(address.LastIndexOf('@') + 1)..];

    internal string NextId() => string.Create(CultureInfo.InvariantCulture, $"{era:x16}{Interlocked.Increment(ref lastId):x8}");

    internal void AddSent(LabSentMessage message)
    {
        lock (sentGate)
            sent.Add(message);
    }

    /// <summary>Hands a message to its local recipients; those that do not exist or are full are reported to the sender.</summary>
    private void Dispatch(LabSentMessage message)
    {
        AddSent(message);
        foreach (string recipient in message.Recipients.Where(r => IsLocalDomain(DomainOf(r))))
        {
            try
            {
                if (Find(recipient) is null)
                    Report(message, recipient, "5.1.1", "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found");
                else
                    Deliver(recipient, message.Content);
            }
            catch (LabStoreException e) when (e.Error is LabStoreError.QuotaExceeded)
            {
                Report(message, recipient, "5.2.2", "554 5.2.2 STOREDRV.Deliver; mailbox full");
            }
        }
    }

    private void Forward(LabMailbox mailbox, MimeMessage message, LabRuleOutcome outcome)
    {
        if (LabRuleForwarding.IsLoop(mailbox, message))
            return;
        if (outcome.ForwardAsAttachment.Count > 0)
            Send(mailbox.Address, outcome.ForwardAsAttachment, LabRuleForwarding.ForwardAsAttachment(mailbox, message, outcome.ForwardAsAttachment, Clock));
        if (outcome.Forward.Count > 0)
            Send(mailbox.Address, outcome.Forward, LabRuleForwarding.Forward(mailbox, message, outcome.Forward, Clock));
        if (outcome.Redirect.Count > 0)
            Send(mailbox.Address, outcome.Redirect, LabRuleForwarding.Redirect(mailbox, message));

        void Send(string from, IReadOnlyList<MailAddress> to, byte[] content) => Dispatch(
            new LabSentMessage(from, [.. to.Select(a => a.Address).Distinct(StringComparer.OrdinalIgnoreCase)], content, Clock.GetUtcNow(), mailbox.Address, null)
            {
                By = LabSentBy.InboxRule,
            });
    }

    /// <summary>Says whether the account may name the author it names: as itself (false) or on behalf of them (true).</summary>
    private bool CheckAuthor(LabSubmission submission, MimeMessage message)
    {
        string author = message.From is [var first, ..] ? first.Address : submission.Mailbox.Address;
        if (Same(author, submission.Mailbox.Address))
            return false;
        LabMailboxRights? rights = Find(author)?.Rights;
        if (rights is not null && (rights.Has(LabRight.SendAs, submission.Account) || rights.Has(LabRight.SendAs, submission.Mailbox.Address)))
            return false;
        if (rights is not null && (rights.Has(LabRight.SendOnBehalf, submission.Account) || rights.Has(LabRight.SendOnBehalf, submission.Mailbox.Address)))
            return true;
        throw new LabStoreException(LabStoreError.SendAsDenied, $"{submission.Account} may not send as {author}.");
    }

    /// <summary>Adds the headers that a message must have and that its program left to the server.</summary>
    private byte[] Complete(MimeMessage message, LabMailbox mailbox, bool isOnBehalf)
    {
        var missing = new List<KeyValuePair<string, string>>();
        if (message.From.Count == 0)
            missing.Add(new("From", new MailAddress(mailbox.DisplayName, mailbox.Address).ToString()));
        if (isOnBehalf && message.Sender is null)
            missing.Add(new("Sender", new MailAddress(mailbox.DisplayName, mailbox.Address).ToString()));
        if (message.Headers["Date"] is null)
            missing.Add(new("Date", MailDate.Format(Clock.GetUtcNow())));
        if (message.MessageId is null)
            missing.Add(new("Message-ID", MessageIds.Generate(DomainOf(mailbox.Address), Clock)));
        if (missing.Count == 0)
            return message.Source.ToArray();
        var output = new ArrayBufferWriter<byte>(message.Source.Length + 256);
        HeaderSection.Prepend(message.Source.Span, missing, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Tells the sender that a message could not be delivered (RFC 3464).</summary>
    private void Report(LabSentMessage message, string recipient, string status, string diagnostic)
    {
        if (message.EnvelopeFrom.Length == 0 || Find(message.EnvelopeFrom) is not { } mailbox)
            return;
        string boundary = NextId();
        string domain = DomainOf(mailbox.Address);
        string report =
            $"From: Microsoft Outlook <MicrosoftExchange@{domain}>\r\nTo: <{mailbox.Address}>\r\nDate: {MailDate.Format(Clock.GetUtcNow())}\r\n" +
            $"Message-ID: {MessageIds.Generate(domain, Clock)}\r\nSubject: Undeliverable: message to {recipient}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n" +
            $"Content-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\"\r\n\r\n" +
            $"--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nYour message to {recipient} could not be delivered.\r\n\r\n" +
            $"--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; lab.{domain}\r\n\r\n" +
            $"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n\r\n" +
            $"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n";
        byte[] content = [.. Encoding.UTF8.GetBytes(report), .. message.Content.Span, .. Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n")];
        Dispatch(new LabSentMessage(string.Empty, [mailbox.Address], content, Clock.GetUtcNow(), null, null) { By = LabSentBy.Report });
    }

    private static bool Same(string one, string other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
