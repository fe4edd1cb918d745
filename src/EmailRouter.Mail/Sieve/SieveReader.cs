using System.Buffers;
using System.Globalization;
using System.Text;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Sieve;

/// <summary>Reads responses: lines of tokens, in which strings may be literals of several lines.</summary>
/// <param name="stream">The connection.</param>
internal sealed class SieveReader(ProtocolStream stream)
{
    private const int LongestLine = 16 * 1024;
    private const int MostLines = 10_000;
    private const int MostTokens = 1000;

    /// <summary>Gets the longest string that is taken, in bytes. Scripts are much shorter: servers limit them to 1 MB and less.</summary>
    public int LongestLiteral { get; init; } = 4 * 1024 * 1024;

    /// <summary>Reads a whole response.</summary>
    /// <param name="limit">The deadline for each line.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The response, whatever it says.</returns>
    /// <exception cref="MailProtocolException">What came is no response.</exception>
    public async ValueTask<SieveResponse> ReadResponseAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var data = new List<IReadOnlyList<SieveToken>>();
        while (true)
        {
            IReadOnlyList<SieveToken> line = await ReadLineAsync(limit, cancellationToken).ConfigureAwait(false);
            if (SieveResponse.TryParse(line, data, out SieveResponse? response))
                return response!;
            if (line.Count == 0)
                continue;       // the end of the line behind a literal that some servers write twice
            if (line[0].Kind != SieveTokenKind.String)
            {
                string shown = stream.Log.Clean(Encoding.UTF8.GetBytes(line[0].Text));
                throw stream.Protocol("MailProtocolError", $"the server answered \"{shown}\", which is no ManageSieve response");
            }

            if (data.Count == MostLines)
                throw stream.Protocol("MailResponseTooLong", $"a response has more than {MostLines} lines");
            data.Add(line);
        }
    }

    /// <summary>Reads one line with its literals.</summary>
    /// <param name="limit">The deadline.</param>
    /// <param name="cancellationToken">Stops the reading; the connection is dead then.</param>
    /// <returns>The tokens.</returns>
    public async ValueTask<IReadOnlyList<SieveToken>> ReadLineAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var tokens = new List<SieveToken>();
        while (true)
        {
            ReadOnlyMemory<byte> line = await stream.ReadLineAsync(LongestLine, limit, cancellationToken).ConfigureAwait(false);
            stream.Log.Server(line.Span);
            int? literal = Tokenize(line.Span, tokens);
            if (literal is not { } length)
                return tokens;
            var bytes = new ArrayBufferWriter<byte>(Math.Max(1, length));
            await stream.ReadLiteralAsync(bytes, length, 0, cancellationToken).ConfigureAwait(false);
            stream.Log.Note($"{length} bytes");
            tokens.Add(new SieveToken(SieveTokenKind.String, Encoding.UTF8.GetString(bytes.WrittenSpan)));
        }
    }

    /// <summary>Splits a line.</summary>
    /// <returns>The length of the literal that follows; null when none does.</returns>
    private int? Tokenize(ReadOnlySpan<byte> line, List<SieveToken> tokens)
    {
        while (true)
        {
            line = line.TrimStart(" \t"u8);
            if (line.IsEmpty)
                return null;
            if (tokens.Count == MostTokens)
                throw stream.Protocol("MailResponseTooLong", $"a line has more than {MostTokens} words");
            switch (line[0])
            {
                case (byte)'(':
                    tokens.Add(new SieveToken(SieveTokenKind.Open, "("));
                    line = line[1..];
                    break;
                case (byte)')':
                    tokens.Add(new SieveToken(SieveTokenKind.Close, ")"));
                    line = line[1..];
                    break;
                case (byte)'"':
                    line = Quoted(line[1..], tokens);
                    break;
                case (byte)'{':
                    return LiteralLength(line);
                default:
                    int end = line.IndexOfAny(" \t()\""u8);
                    end = end < 0 ? line.Length : end;
                    tokens.Add(new SieveToken(SieveTokenKind.Atom, Encoding.UTF8.GetString(line[..end])));
                    line = line[end..];
                    break;
            }
        }
    }

    private ReadOnlySpan<byte> Quoted(ReadOnlySpan<byte> rest, List<SieveToken> tokens)
    {
        var text = new List<byte>(rest.Length);
        for (int i = 0; i < rest.Length; i++)
        {
            switch (rest[i])
            {
                case (byte)'"':
                    tokens.Add(new SieveToken(SieveTokenKind.String, Encoding.UTF8.GetString([.. text])));
                    return rest[(i + 1)..];
                case (byte)'\\' when i + 1 < rest.Length:
                    text.Add(rest[++i]);
                    break;
                default:
                    text.Add(rest[i]);
                    break;
            }
        }

        throw stream.Protocol("MailProtocolError", "a string of the server has no end");
    }

    private int LiteralLength(ReadOnlySpan<byte> rest)
    {
        ReadOnlySpan<byte> number = rest[1..];
        int close = number.IndexOf((byte)'}');
        number = close < 0 ? [] : number[..close].TrimEnd((byte)'+');
        if (close != rest.Length - 2 || !int.TryParse(Encoding.ASCII.GetString(number), NumberStyles.None, CultureInfo.InvariantCulture, out int length))
            throw stream.Protocol("MailProtocolError", $"the server announces a string by \"{stream.Log.Clean(rest)}\"");
        return length <= LongestLiteral ? length : throw stream.Protocol("MailResponseTooLong", $"the server announces a string of {length:N0} bytes");
    }
}
