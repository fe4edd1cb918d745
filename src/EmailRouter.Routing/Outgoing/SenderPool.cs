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

    /// <summary>Takes a connection, opening one when none is idle; waits while the route has its greatest number.</summary>
    /// <exception cref="MailException">No connection can be opened.</exception>
    public async ValueTask<Rented> RentAsync(SendRoute route, CancellationToken cancellationToken)
    {
        Line line = lines.GetOrAdd(route.Key, static (_, max) => new Line(max), route.MaxConnections);
        while (true)
        {
            await line.Places.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (!line.Idle.TryTake(out IMailSender? sender))
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
                line.Places.Release();
                throw;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Line line in lines.Values)
        {
            while (line.Idle.TryTake(out IMailSender? sender))
                await sender.DisposeAsync().ConfigureAwait(false);
            line.Places.Dispose();
        }

        foreach (SentCopies copy in copies.Values)
            copy.Dispose();
    }

    internal sealed class Line(int max)
    {
        private int open;

        public ConcurrentBag<IMailSender> Idle { get; } = [];

        public SemaphoreSlim Places { get; } = new(Math.Max(1, max));

        /// <summary>Gets a value indicating whether a connection is open, so that a place will be free again.</summary>
        public bool HasOpen => Volatile.Read(ref open) > 0;

        public void Opened() => Interlocked.Increment(ref open);

        public void Closed() => Interlocked.Decrement(ref open);
    }

    /// <summary>A connection on loan.</summary>
    internal sealed class Rented(Line line, IMailSender sender) : IAsyncDisposable
    {
        private bool usable;

        public IMailSender Sender => sender;

        /// <summary>Says that the connection may carry the next message.</summary>
        public void Keep() => usable = true;

        public async ValueTask DisposeAsync()
        {
            try
            {
                if (usable)
                {
                    line.Idle.Add(sender);
                    return;
                }

                line.Closed();
                await sender.DisposeAsync().ConfigureAwait(false);
            }
            finally
            {
                line.Places.Release();
            }
        }
    }
}
