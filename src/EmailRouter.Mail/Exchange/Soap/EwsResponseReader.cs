using System.Buffers;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Mail.Net.Http;
using EmailRouter.Mime;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>
/// Reads an answer of the service as it comes, one response message after the other. MIME content goes from the base64 on the wire straight into a message's buffer; it
/// is never a text. Elements are known by their local name, since prefixes and even namespaces differ.
/// </summary>
internal sealed class EwsResponseReader : IDisposable
{
    private const int PieceSize = 64 * 1024;

    private readonly HttpAnswer answer;
    private readonly Func<XmlException, MailException> malformed;
    private readonly XmlReader xml;
    private bool isWrapped;
    private bool isAtEnd;

    /// <summary>Makes a reader.</summary>
    /// <param name="answer">The answer; disposed with this.</param>
    /// <param name="limit">The greatest number of characters.</param>
    /// <param name="malformed">Makes the error of an answer that is no XML, or not what the schema says.</param>
    public EwsResponseReader(HttpAnswer answer, long limit, Func<XmlException, MailException> malformed)
    {
        this.answer = answer;
        this.malformed = malformed;
        xml = XmlReader.Create(answer.Body, Settings(limit));
    }

    /// <summary>Gets the fault; null when there is none. Known after <see cref="OpenAsync"/>.</summary>
    public EwsMessage? Fault { get; private set; }

    /// <summary>Gets the server's build, e.g. <c>15.2.1544</c>; empty when it does not say.</summary>
    public string ServerBuild { get; private set; } = string.Empty;

    /// <summary>How XML of a server is read: without DTD, with control characters that servers let through, with a limit.</summary>
    /// <param name="limit">The greatest number of characters.</param>
    /// <returns>The settings.</returns>
    public static XmlReaderSettings Settings(long limit) => new()
    {
        Async = true,
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        CheckCharacters = false,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        MaxCharactersInDocument = limit,
    };

    /// <summary>Reads up to the operation's answer.</summary>
    /// <returns>A task.</returns>
    public async ValueTask OpenAsync()
    {
        try
        {
            await FindAnswerAsync().ConfigureAwait(false);
        }
        catch (XmlException e)
        {
            throw malformed(e);
        }
    }

    /// <summary>Reads the next response message.</summary>
    /// <param name="buffers">Where MIME content is kept; null when none is asked for.</param>
    /// <returns>The message; null when there are no more.</returns>
    public async ValueTask<EwsMessage?> ReadAsync(MessageBufferOptions? buffers = null)
    {
        try
        {
            if (isAtEnd || (isWrapped && !await NextAsync().ConfigureAwait(false)))
            {
                isAtEnd = true;
                return null;
            }

            isAtEnd = !isWrapped;
            return buffers is null
                ? EwsMessage.Read((XElement)await XNode.ReadFromAsync(xml, CancellationToken.None).ConfigureAwait(false))
                : await ReadWithMimeAsync(buffers).ConfigureAwait(false);
        }
        catch (XmlException e)
        {
            throw malformed(e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        xml.Dispose();
        answer.Dispose();
    }

    private async ValueTask FindAnswerAsync()
    {
        await xml.MoveToContentAsync().ConfigureAwait(false);
        if (xml.LocalName != "Envelope" || !await EnterAsync().ConfigureAwait(false))
            throw new XmlException("The answer is no SOAP envelope.");
        while (await NextAsync().ConfigureAwait(false))
        {
            if (xml.LocalName == "Header")
            {
                var header = (XElement)await XNode.ReadFromAsync(xml, CancellationToken.None).ConfigureAwait(false);
                XElement? version = header.Child("ServerVersionInfo");
                if (version is not null)
                    ServerBuild = $"{version.Attribute("MajorVersion")?.Value}.{version.Attribute("MinorVersion")?.Value}.{version.Attribute("MajorBuildNumber")?.Value}";
                continue;
            }

            if (xml.LocalName != "Body")
            {
                await xml.SkipAsync().ConfigureAwait(false);
                continue;
            }

            if (!await EnterAsync().ConfigureAwait(false) || !await NextAsync().ConfigureAwait(false))
                break;
            if (xml.LocalName == "Fault")
            {
                Fault = EwsMessage.ReadFault((XElement)await XNode.ReadFromAsync(xml, CancellationToken.None).ConfigureAwait(false));
                isAtEnd = true;
                return;
            }

            if (xml.GetAttribute("ResponseClass") is not null)
                return;     // inbox rules: the operation's answer is the only message
            if (!await EnterAsync().ConfigureAwait(false))
                throw new XmlException("The operation's answer is empty.");
            while (await NextAsync().ConfigureAwait(false))
            {
                if (xml.LocalName == "ResponseMessages")
                {
                    isWrapped = true;
                    isAtEnd = !await EnterAsync().ConfigureAwait(false);
                    return;
                }

                await xml.SkipAsync().ConfigureAwait(false);
            }

            throw new XmlException("The operation's answer holds no response messages.");
        }

        throw new XmlException("The SOAP envelope holds no answer.");
    }

    private async ValueTask<EwsMessage> ReadWithMimeAsync(MessageBufferOptions buffers)
    {
        XElement message = Shell();
        MessageBuffer? mime = null;
        Exception? failure = null;
        try
        {
            if (!await EnterAsync().ConfigureAwait(false))
                return EwsMessage.Read(message);
            while (await NextAsync().ConfigureAwait(false))
            {
                if (xml.LocalName != "Items")
                {
                    message.Add(await XNode.ReadFromAsync(xml, CancellationToken.None).ConfigureAwait(false));
                    continue;
                }

                XElement items = Shell();
                message.Add(items);
                if (!await EnterAsync().ConfigureAwait(false))
                    continue;
                while (await NextAsync().ConfigureAwait(false))
                {
                    XElement item = Shell();
                    items.Add(item);
                    if (!await EnterAsync().ConfigureAwait(false))
                        continue;
                    while (await NextAsync().ConfigureAwait(false))
                    {
                        if (xml.LocalName == "MimeContent")
                        {
                            mime?.Dispose();
                            (mime, failure) = await ReadMimeAsync(buffers).ConfigureAwait(false);
                        }
                        else
                        {
                            item.Add(await XNode.ReadFromAsync(xml, CancellationToken.None).ConfigureAwait(false));
                        }
                    }

                    await xml.ReadAsync().ConfigureAwait(false);
                }

                await xml.ReadAsync().ConfigureAwait(false);
            }

            await xml.ReadAsync().ConfigureAwait(false);
            return EwsMessage.Read(message, mime, failure);
        }
        catch
        {
            mime?.Dispose();
            throw;
        }
    }

    /// <summary>Decodes the content. What cannot be kept is read to its end all the same, so that the messages behind it can be.</summary>
    private async ValueTask<(MessageBuffer? Mime, Exception? Failure)> ReadMimeAsync(MessageBufferOptions buffers)
    {
        using var writer = new MessageBufferWriter(buffers);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        Exception? failure = null;
        try
        {
            int read;
            while ((read = await xml.ReadElementContentAsBase64Async(piece, 0, PieceSize).ConfigureAwait(false)) > 0)
            {
                if (failure is not null)
                    continue;
                try
                {
                    writer.Write(piece.AsSpan(0, read));
                }
                catch (Exception e) when (e is MessageTooLargeException or IOException or UnauthorizedAccessException)
                {
                    failure = e;
                }
            }

            return failure is null && writer.Length > 0 ? (writer.Complete(), null) : (null, failure);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <summary>The element the reader stands on, without what is in it.</summary>
    private XElement Shell()
    {
        var element = new XElement(XName.Get(xml.LocalName, xml.NamespaceURI));
        if (xml.GetAttribute("ResponseClass") is { } kind)
            element.SetAttributeValue("ResponseClass", kind);
        return element;
    }

    /// <summary>Goes into the element the reader stands on; false when it is empty, and then the reader is behind it.</summary>
    private async ValueTask<bool> EnterAsync()
    {
        bool isEmpty = xml.IsEmptyElement;
        await xml.ReadAsync().ConfigureAwait(false);
        return !isEmpty;
    }

    /// <summary>Goes to the next element of those side by side; false at the end of their parent.</summary>
    private async ValueTask<bool> NextAsync()
    {
        while (xml.NodeType is not (XmlNodeType.Element or XmlNodeType.EndElement))
        {
            if (!await xml.ReadAsync().ConfigureAwait(false))
                throw new XmlException("The answer ends too early.");
        }

        return xml.NodeType == XmlNodeType.Element;
    }
}
