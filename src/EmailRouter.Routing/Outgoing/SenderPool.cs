using System.Collections.Concurrent;
using EmailRouter.Mail;

namespace EmailRouter.Routing.Outgoing;

/// <summary>Open connections by route, so that one connection carries many messages. A connection that failed is closed, not given back.</summary>
internal sealed class SenderPool(MailContext context) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Line> lines = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SentCopies> copies = new(StringComparer.Ordinal);

    /// <summary>Gets the mailbox of sent copies of a route; what was read of it is kept for the run.</summary>
    public SentCopies? CopiesOf(SendRoute route) => route.SentCopy is { } target ? copies.GetOrAdd(route.Profile, _ => new SentCopies(target, context)) : null;

    /// <summary>Gets the sender's folder of sent mail, where the route has one that is to be looked into.</summary>
    public SentFolder? FolderOf(SendRoute route) => route.SentFolder is { } target ? new SentFolder(target, context) : null;

    /// <summary>Takes a connection, opening one when none is idle; waits while the route has its greatest number.</summary>
    /// <param name="route">The way out.</param>
    /// <param name="message">What is to be sent, so that the connection may announce it; null when nothing is.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="MailException">No connection can be opened.</exception>
    public async ValueTask<Rented> RentAsync(SendRoute route, OutgoingMessage? message, CancellationToken cancellationToken)
    {
        Line line = lines.GetOrAdd(route.Key, static (_, max) => new Line(max), route.MaxConnections);
        while (true)
        {
            IMailSender? sender = await line.EnterAsync(message, cancellationToken).ConfigureAwait(false);
            try
            {
                if (sender is null)
                {
                    sender = await route.System.OpenSenderAsync(route.Endpoint, route.Login, context, cancellationToken).ConfigureAwait(false);
                    line.Opened();
                }

                return new Rented(line, sender);
            }
            catch (MailException e) when (e.ErrorId == MailException.TooManyConnections && line.HasOpen)
            {
                // The server has enough of us (432 4.3.2), and others are open: this place is given up for the run, and the message takes the next one free.
            }
            catch
            {
                line.Leave(null, null);
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Line line in lines.Values)
        {
            foreach (IMailSender sender in line.Drain())
                await sender.DisposeAsync().ConfigureAwait(false);
        }

        foreach (SentCopies copy in copies.Values)
            copy.Dispose();
    }

    /// <summary>The connections of one route, and the messages that wait for one, in the order in which they came.</summary>
    internal sealed class Line(int max)
    {
        private readonly object gate = new();
        private readonly Stack<IMailSender> idle = [];
        private readonly LinkedList<Waiter> waiting = [];
        private int free = Math.Max(1, max);
        private int open;

        /// <summary>Gets a value indicating whether a connection is open, so that a place will be free again.</summary>
        public bool HasOpen => Volatile.Read(ref open) > 0;

        public void Opened() => Interlocked.Increment(ref open);

        public void Closed() => Interlocked.Decrement(ref open);

        /// <summary>Waits for a place.</summary>
        /// <param name="message">What is to be sent; null for anything else that needs a connection.</param>
        /// <param name="cancellationToken">Stops the waiting.</param>
        /// <returns>The connection that comes with the place; null when one must be opened.</returns>
        public async ValueTask<IMailSender?> EnterAsync(OutgoingMessage? message, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Waiter waiter;
            lock (gate)
            {
                if (free > 0)
                {
                    free--;
                    return idle.TryPop(out IMailSender? sender) ? sender : null;
                }

                waiter = new Waiter(message);
                waiting.AddLast(waiter);
            }

            CancellationTokenRegistration stop = cancellationToken.UnsafeRegister(_ => GiveUp(waiter, cancellationToken), null);
            await using (stop.ConfigureAwait(false))
                return await waiter.Place.Task.ConfigureAwait(false);
        }

        /// <summary>
        /// Promises a place to the first that waits. From here on it does not give up waiting, so that its message stays what was announced; its turn comes
        /// as soon as the message on the connection has its outcome, whatever that is.
        /// </summary>
        /// <returns>The one that waits; null when nobody does, or what waits first is no message.</returns>
        public Waiter? Promise()
        {
            lock (gate)
            {
                if (waiting.First is not { Value: { Message: not null } first })
                    return null;
                waiting.RemoveFirst();
                return first;
            }
        }

        /// <summary>Gives a place back.</summary>
        /// <param name="sender">The connection on it; null when it is closed.</param>
        /// <param name="promised">Who gets it; null for whoever waits first.</param>
        public void Leave(IMailSender? sender, Waiter? promised)
        {
            lock (gate)
            {
                if (promised is null && waiting.First is { } first)
                {
                    promised = first.Value;
                    waiting.RemoveFirst();
                }

                if (promised is null)
                {
                    free++;
                    if (sender is not null)
                        idle.Push(sender);
                    return;
                }
            }

            promised.Place.SetResult(sender);
        }

        /// <summary>Takes the idle connections out, to close them.</summary>
        public IReadOnlyList<IMailSender> Drain()
        {
            lock (gate)
            {
                IMailSender[] all = [.. idle];
                idle.Clear();
                return all;
            }
        }

        private void GiveUp(Waiter waiter, CancellationToken cancellationToken)
        {
            lock (gate)
            {
                if (!waiting.Remove(waiter))
                    return;
            }

            waiter.Place.SetCanceled(cancellationToken);
        }
    }

    /// <summary>Somebody who waits for a connection.</summary>
    internal sealed class Waiter(OutgoingMessage? message)
    {
        public OutgoingMessage? Message => message;

        public TaskCompletionSource<IMailSender?> Place { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A connection on loan.</summary>
    internal sealed class Rented(Line line, IMailSender sender) : IAsyncDisposable
    {
        private bool usable;
        private Waiter? promised;

        public IMailSender Sender => sender;

        /// <summary>Sends a message; where the sender can, the next one that waits for this connection is announced with its last byte.</summary>
        public ValueTask<SendReceipt> SendAsync(OutgoingMessage message, CancellationToken cancellationToken) => sender is IPipelinedSender pipelined
            ? pipelined.SendAsync(message, () => (promised ??= line.Promise())?.Message, cancellationToken)
            : sender.SendAsync(message, cancellationToken);

        /// <summary>Says that the connection may carry the next message.</summary>
        public void Keep() => usable = true;

        public async ValueTask DisposeAsync()
        {
            if (usable)
            {
                line.Leave(sender, promised);
                return;
            }

            line.Closed();
            try
            {
                await sender.DisposeAsync().ConfigureAwait(false);
            }
            finally
            {
                line.Leave(null, promised);
            }
        }
    }
}
