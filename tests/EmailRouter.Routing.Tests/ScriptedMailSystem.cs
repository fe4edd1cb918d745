using System.Runtime.CompilerServices;
using System.Text;
using EmailRouter.Mail;
using EmailRouter.Mime;

namespace EmailRouter.Routing.Tests;

/// <summary>A mail system in memory whose mailbox and server do what a test tells them to.</summary>
internal sealed class ScriptedMailSystem : IMailSystem
{
    private readonly List<Stored> mailbox = [];
    private int nextId = 1;

    public string Name => "Scripted";

    public MailDoors Doors => MailDoors.Mailbox | MailDoors.Sender;

    /// <summary>Answers what is looked for in the folder of sent mail, by Message-ID.</summary>
    public Func<string, bool?> SentFolder { get; set; } = _ => null;

    public SettlementKinds Settlements { get; set; } = SettlementKinds.Keep | SettlementKinds.Delete;

    /// <summary>Called at each step with its name and the message's id; throws to make the step fail.</summary>
    public Action<string, string?> At { get; set; } = (_, _) => { };

    /// <summary>Answers an offered message; accepts by default.</summary>
    public Func<OutgoingMessage, SendReceipt> Answer { get; set; } = Accept;

    /// <summary>What was accepted, in order, with the bytes as text.</summary>
    public List<(OutgoingMessage Message, string Text)> Outbox { get; } = [];

    public List<string> Log { get; } = [];

    /// <summary>Whether the mailbox has positions, as IMAP has, or only ids, as POP3.</summary>
    public bool HasCursors { get; set; }

    /// <summary>What the session calls its position once the listing has ended; null as for servers that have none.</summary>
    public Func<MailboxCursor?> Position { get; set; } = () => null;

    /// <summary>How many messages listings have named so far.</summary>
    public int Named { get; private set; }

    public IReadOnlyList<string> Ids => [.. mailbox.Select(m => m.Ref.Id)];

    public static SendReceipt Accept(OutgoingMessage message) => Reply(message, SendStatus.Accepted, "250 2.0.0 queued");

    public static SendReceipt Reply(OutgoingMessage message, SendStatus status, string reply) => new()
    {
        Status = status,
        Reply = reply,
        Recipients = [.. message.Recipients.Select(r => new RecipientResult(r, status, reply))],
    };

    public string Put(string message, MailException? error = null, string? messageClass = null)
    {
        int number = nextId++;
        string id = $"uid-{number}";
        mailbox.Add(new Stored(new MessageRef(id) { MessageClass = messageClass }, Encoding.UTF8.GetBytes(message.ReplaceLineEndings("\r\n")), error, number));
        return id;
    }

    public ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        At("open", null);
        return ValueTask.FromResult<IMailboxSession>(new Session(this));
    }

    public ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        At("open-sender", null);
        return ValueTask.FromResult<IMailSender>(new Sender(this));
    }

    private sealed record Stored(MessageRef Ref, byte[] Bytes, MailException? Error, int Number);

    private sealed class Session(ScriptedMailSystem system) : IMailboxSession, ISentLookup
    {
        private readonly HashSet<string> deleted = [];

        private bool listed;

        public SettlementKinds Settlements => system.Settlements;

        public MailboxCursor? Position => listed ? system.Position() : null;

        public async IAsyncEnumerable<MessageRef> ListAsync(MailboxCursor since, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            system.At("list", null);
            int after = since.IsStart ? 0 : int.Parse(since.Value, System.Globalization.CultureInfo.InvariantCulture);
            foreach (Stored stored in system.mailbox.Where(m => m.Number > after).ToList())
            {
                await Task.Yield();
                system.Named++;
                yield return system.HasCursors ? stored.Ref with { Cursor = new MailboxCursor($"{stored.Number}") } : stored.Ref;
            }

            listed = true;
        }

        public async IAsyncEnumerable<FetchedMessage> FetchAsync(IReadOnlyList<MessageRef> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            foreach (MessageRef message in messages)
            {
                await Task.Yield();
                cancellationToken.ThrowIfCancellationRequested();
                system.At("fetch", message.Id);
                Stored stored = system.mailbox.Single(m => m.Ref.Id == message.Id);
                yield return stored.Error is null ? new FetchedMessage(message, MessageBuffer.Wrap(stored.Bytes)) : new FetchedMessage(message, null, stored.Error);
            }
        }

        public ValueTask<FetchedMessage> FetchHeaderAsync(MessageRef message, CancellationToken cancellationToken)
        {
            byte[] bytes = system.mailbox.Single(m => m.Ref.Id == message.Id).Bytes;
            int end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
            return ValueTask.FromResult(new FetchedMessage(message, MessageBuffer.Wrap(bytes.AsMemory(0, end + 4))));
        }

        public ValueTask SettleAsync(MessageRef message, Settlement how, CancellationToken cancellationToken)
        {
            system.At("settle", message.Id);
            system.Log.Add($"settle {message.Id} {how.Kind}");
            deleted.Add(message.Id);
            return ValueTask.CompletedTask;
        }

        public ValueTask CompleteAsync(CancellationToken cancellationToken)
        {
            system.At("complete", null);
            system.mailbox.RemoveAll(m => deleted.Contains(m.Ref.Id));
            return ValueTask.CompletedTask;
        }

        public ValueTask<bool?> WasSentAsync(string messageId, CancellationToken cancellationToken)
        {
            system.At("look-up", messageId);
            return ValueTask.FromResult(system.SentFolder(messageId));
        }

        public ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken) => ValueTask.FromResult(false);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Sender(ScriptedMailSystem system) : IMailSender
    {
        public async ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken)
        {
            system.At("send", message.MessageId);
            if (message.BeforeCommit is { } commit)
                await commit(message.Recipients, cancellationToken);
            system.At("committed", message.MessageId);
            SendReceipt receipt = system.Answer(message);
            if (receipt.Status == SendStatus.Accepted)
            {
                lock (system.Outbox)
                    system.Outbox.Add((message, Encoding.UTF8.GetString(message.Content.Memory.Span)));
            }

            return receipt;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
