using System.Buffers;
using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Writing;

namespace EmailRouter.Mime;

/// <summary>Changes the headers of a message and leaves every other byte as it is, so that signatures over the body stay good.</summary>
public static class HeaderSection
{
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
    };

    /// <summary>Formats one header: encoded where needed, folded, with its line end.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The unstructured value.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="ArgumentException">The name is no header name, or the value holds CR, LF or NUL.</exception>
    public static byte[] Format(string name, string value)
    {
        var output = new ArrayBufferWriter<byte>(128);
        Write(output, name, value, isExtra: false);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Writes a message with headers put in front, where trace headers belong (RFC 5321 4.4).</summary>
    /// <param name="message">The message.</param>
    /// <param name="headers">The headers, topmost first.</param>
    /// <param name="destination">Where the new message goes.</param>
    /// <exception cref="ArgumentException">A name is no header name, or a value holds CR, LF or NUL; nothing was written.</exception>
    public static void Prepend(ReadOnlySpan<byte> message, IEnumerable<KeyValuePair<string, string>> headers, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(destination);
        var output = new ArrayBufferWriter<byte>(256);
        foreach ((string name, string value) in headers)
            Write(output, name, value, isExtra: false);
        destination.Write(output.WrittenSpan);
        destination.Write(message);
    }

    /// <summary>Writes a message without some of its headers, e.g. <c>Bcc</c>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="names">The names of the headers to leave out; case does not matter. All fields of these names go.</param>
    /// <param name="destination">Where the new message goes.</param>
    public static void Remove(MimeMessage message, IReadOnlyCollection<string> names, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(destination);
        ReadOnlySpan<byte> source = message.Headers.Context.Source.Span;
        int position = message.Root.Offset;
        int end = position + message.Source.Length;
        foreach (string name in names)
            ArgumentException.ThrowIfNullOrEmpty(name);
        for (int index = 0; index < message.Headers.Count; index++)
        {
            Header header = message.Headers[index];
            if (!names.Contains(header.Name, StringComparer.OrdinalIgnoreCase))
                continue;
            int start = message.Headers.OffsetAt(index);
            destination.Write(source[position..start]);
            position = start + header.Raw.Length;
        }

        destination.Write(source[position..end]);
    }

    internal static void Write(IBufferWriter<byte> output, string name, string value, bool isExtra)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        if (name.Length is 0 or > 70 || name.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0 || name.Contains(':', StringComparison.Ordinal))
            throw new ArgumentException($"\"{HeaderText.Clean(name)}\" is no name of a header.", nameof(name));
        if (value.AsSpan().ContainsAny('\r', '\n', '\0'))
            throw new ArgumentException($"The value of the header {name} holds CR, LF or NUL.", nameof(value));
        if (isExtra && (Reserved.Contains(name) || name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)))
            throw new ArgumentException($"The header {name} is written from the draft itself and cannot be an extra header.", nameof(name));
        HeaderWriter.WriteText(output, name, HeaderText.Clean(value));
    }
}
