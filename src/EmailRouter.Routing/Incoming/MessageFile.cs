using EmailRouter.Mime;
using EmailRouter.Mime.Tnef;

namespace EmailRouter.Routing.Incoming;

/// <summary>One file that a message shows to its reader, wherever in the message it is kept.</summary>
/// <param name="FileName">The name as the sender gave it, or null. It is data: never use it as a path.</param>
/// <param name="MediaType">The media type.</param>
/// <param name="ContentId">The Content-ID without angle brackets, or null.</param>
/// <param name="Subject">Of an attached message: its subject; otherwise null.</param>
/// <param name="GetSize">Gets the size of the content in bytes.</param>
/// <param name="Open">Opens the content; the caller disposes the stream.</param>
internal sealed record MessageFile(string? FileName, string MediaType, string? ContentId, string? Subject, Func<long> GetSize, Func<Stream> Open)
{
    /// <summary>A part of the message.</summary>
    public static MessageFile Of(MimePart part) =>
        new(part.FileName, part.ContentType.MediaType, part.ContentId, part.EmbeddedMessage?.Subject, part.GetDecodedLength, part.OpenDecoded);

    /// <summary>A file or message within a <c>winmail.dat</c>.</summary>
    public static MessageFile Of(TnefAttachment attachment)
    {
        if (attachment.Message is { } message)
        {
            byte[] saved = message.ToMessage();
            return new MessageFile(null, "message/rfc822", null, message.Subject ?? attachment.FileName ?? string.Empty, () => saved.Length, () => new MemoryStream(saved, writable: false));
        }

        return new MessageFile(attachment.FileName, attachment.MediaType, attachment.ContentId, null, () => attachment.Content.Length, () => ReadOnly(attachment.Content));
    }

    private static MemoryStream ReadOnly(ReadOnlyMemory<byte> content) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(content, out ArraySegment<byte> array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);
}
