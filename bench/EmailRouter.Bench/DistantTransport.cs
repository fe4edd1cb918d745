using EmailRouter.Mail;
using EmailRouter.Mail.Net;

namespace EmailRouter.Bench;

/// <summary>The network with a distance: whoever waits for an answer to what was said waits for the way there and back besides. Bandwidth stays as it is.</summary>
internal sealed class DistantTransport(TimeSpan roundTrip) : ITransport
{
    public async ValueTask<Stream> ConnectAsync(string host, int port, MailContext context, CancellationToken cancellationToken) =>
        new DistantStream(await TcpTransport.Instance.ConnectAsync(host, port, context, cancellationToken), roundTrip);

    public ValueTask<Stream> SecureAsync(Stream plain, MailEndpoint endpoint, MailContext context, CancellationToken cancellationToken) =>
        TcpTransport.Instance.SecureAsync(plain, endpoint, context, cancellationToken);

    private sealed class DistantStream(Stream near, TimeSpan roundTrip) : Stream
    {
        private bool asked;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (asked)
            {
                asked = false;
                await Task.Delay(roundTrip, cancellationToken);
            }

            return await near.ReadAsync(buffer, cancellationToken);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            asked = true;
            return near.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => near.FlushAsync(cancellationToken);

        public override void Flush() => near.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("asynchronous only");

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("asynchronous only");

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                near.Dispose();
            base.Dispose(disposing);
        }
    }
}
