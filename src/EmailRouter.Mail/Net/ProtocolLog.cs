using System.Text;

namespace EmailRouter.Mail.Net;

/// <summary>The conversation of one connection: the last lines for error messages, every line for whoever watches. Secrets never enter it.</summary>
internal sealed class ProtocolLog(IProgress<string>? watcher)
{
    /// <summary>How many lines an exception carries.</summary>
    public const int Kept = 20;

    /// <summary>What stands in place of a secret.</summary>
    public const string Mask = "***";

    private const int LongestLine = 512;

    private readonly string[] ring = new string[Kept];
    private long count;
    private string[] secrets = [];

    /// <summary>Gets the last lines, oldest first.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (ring)
            {
                int length = (int)Math.Min(count, Kept);
                string[] lines = new string[length];
                for (int i = 0; i < length; i++)
                    lines[i] = ring[(int)((count - length + i) % Kept)];
                return lines;
            }
        }
    }

    /// <summary>Masks these texts in whatever the server says, since some servers repeat what they refuse.</summary>
    /// <param name="values">The secrets; an empty list ends the masking.</param>
    public void Hide(params string[] values) => secrets = [.. values.Where(v => v.Length > 0).OrderByDescending(v => v.Length)];

    /// <summary>Masks a further text until the next <see cref="Hide"/>.</summary>
    /// <param name="value">The secret.</param>
    public void HideAlso(string value) => Hide([.. secrets, value]);

    /// <summary>Notes a line of the client, already masked.</summary>
    /// <param name="line">The line.</param>
    public void Client(string line) => Add("C: " + line);

    /// <summary>Notes a line of the server.</summary>
    /// <param name="line">The line as it came, without its end.</param>
    public void Server(ReadOnlySpan<byte> line) => Add("S: " + Clean(line));

    /// <summary>Notes something that happened.</summary>
    /// <param name="text">What happened.</param>
    public void Note(string text) => Add("-- " + text);

    /// <summary>Turns a line of the server into text that can be shown: no secrets, no control characters, not endless.</summary>
    /// <param name="line">The line as it came.</param>
    /// <returns>The text.</returns>
    public string Clean(ReadOnlySpan<byte> line)
    {
        bool cut = line.Length > LongestLine;
        string text = Masked(Encoding.UTF8.GetString(cut ? line[..LongestLine] : line));
        if (text.AsSpan().IndexOfAnyInRange('\0', '\x1f') >= 0)
            text = string.Create(text.Length, text, static (span, source) =>
            {
                for (int i = 0; i < span.Length; i++)
                    span[i] = source[i] is >= ' ' or '\t' ? source[i] : '?';
            });
        return cut ? text + "…" : text;
    }

    /// <summary>Masks the secrets in a text of the server.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text without them.</returns>
    public string Masked(string text)
    {
        foreach (string secret in secrets)
            text = text.Replace(secret, Mask, StringComparison.Ordinal);
        return text;
    }

    private void Add(string line)
    {
        // A service reached by HTTP is asked several things at once.
        lock (ring)
        {
            ring[(int)(count % Kept)] = line;
            count++;
            watcher?.Report(line);
        }
    }
}
