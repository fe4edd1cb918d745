using System.Text;
using System.Xml;

namespace EmailRouter.Mail.Exchange.Soap;

/// <summary>
/// Writes the body of a request. Servers hold requests against the schema, so the order of elements matters. Characters that XML 1.0 does not know are left out of texts: a
/// server refuses the whole request for one.
/// </summary>
internal sealed class EwsRequestWriter : IDisposable
{
    private readonly MemoryStream bytes = new();
    private readonly XmlWriter xml;
    private int split = -1;

    /// <summary>Begins a request.</summary>
    /// <param name="version">The schema's version.</param>
    /// <param name="impersonated">The address of the mailbox to act as; null for oneself.</param>
    /// <param name="mailbox">The address of the mailbox that folder names are about; null where the server knows it by the log-in.</param>
    public EwsRequestWriter(EwsVersion version, string? impersonated, string? mailbox)
    {
        Version = version;
        Mailbox = mailbox;
        xml = XmlWriter.Create(bytes, new XmlWriterSettings { Encoding = new UTF8Encoding(false) });
        xml.WriteStartDocument();
        xml.WriteStartElement("s", "Envelope", EwsNames.Soap);
        xml.WriteAttributeString("xmlns", "m", null, EwsNames.Messages.NamespaceName);
        xml.WriteAttributeString("xmlns", "t", null, EwsNames.Types.NamespaceName);
        xml.WriteStartElement("Header", EwsNames.Soap);
        Start("t:RequestServerVersion", ("Version", version.ToString()));
        End();
        if (impersonated is not null)
        {
            Start("t:ExchangeImpersonation").Start("t:ConnectingSID");
            Element("t:SmtpAddress", impersonated);
            End().End();
        }

        xml.WriteEndElement();
        xml.WriteStartElement("Body", EwsNames.Soap);
    }

    /// <summary>Gets the schema's version.</summary>
    public EwsVersion Version { get; }

    /// <summary>Gets the mailbox that folder names are about; null where the server knows it by the log-in.</summary>
    public string? Mailbox { get; }

    /// <summary>Starts an element.</summary>
    /// <param name="name">The name with its prefix <c>m:</c> or <c>t:</c>.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter Start(string name, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        xml.WriteStartElement(name[..1], name[2..], (name[0] == 'm' ? EwsNames.Messages : EwsNames.Types).NamespaceName);
        foreach ((string key, string value) in attributes)
            xml.WriteAttributeString(key, Clean(value));
        return this;
    }

    /// <summary>Ends the element that was started last.</summary>
    /// <returns>This.</returns>
    public EwsRequestWriter End()
    {
        xml.WriteEndElement();
        return this;
    }

    /// <summary>Writes an element that holds a text.</summary>
    /// <param name="name">The name with its prefix.</param>
    /// <param name="value">The text.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter Element(string name, string value)
    {
        Start(name);
        xml.WriteString(Clean(value));
        return End();
    }

    /// <summary>Writes an element that holds nothing.</summary>
    /// <param name="name">The name with its prefix.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter Empty(string name, params ReadOnlySpan<(string Name, string Value)> attributes) => Start(name, attributes).End();

    /// <summary>Writes what is asked of items: <c>m:ItemShape</c> with their ids and what is given.</summary>
    /// <param name="mime">Whether with their MIME content.</param>
    /// <param name="fields">Field names (<c>item:Size</c>) and MAPI properties with their type (<c>0x0071 Binary</c>).</param>
    /// <returns>This.</returns>
    public EwsRequestWriter ItemShape(bool mime, params ReadOnlySpan<string> fields)
    {
        Start("m:ItemShape").Element("t:BaseShape", "IdOnly");
        if (mime)
            Element("t:IncludeMimeContent", "true");
        return AdditionalProperties(fields).End();
    }

    /// <summary>Writes what is asked of folders: <c>m:FolderShape</c> with their ids and what is given.</summary>
    /// <param name="fields">Field names.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter FolderShape(params ReadOnlySpan<string> fields) =>
        Start("m:FolderShape").Element("t:BaseShape", "IdOnly").AdditionalProperties(fields).End();

    /// <summary>Writes a field.</summary>
    /// <param name="field">Its name, or a MAPI property with its type.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter Field(string field) => field.StartsWith("0x", StringComparison.Ordinal)
        ? Empty("t:ExtendedFieldURI", ("PropertyTag", field.Split(' ')[0]), ("PropertyType", field.Split(' ')[1]))
        : Empty("t:FieldURI", ("FieldURI", field));

    /// <summary>Writes a folder's id.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter Folder(ExchangeFolderId folder)
    {
        if (!folder.IsDistinguished)
            return Empty("t:FolderId", ("Id", folder.Id));
        Start("t:DistinguishedFolderId", ("Id", folder.Id));
        if (Mailbox is not null)
            Start("t:Mailbox").Element("t:EmailAddress", Mailbox).End();
        return End();
    }

    /// <summary>Writes <c>m:ItemIds</c>.</summary>
    /// <param name="ids">The ids.</param>
    /// <returns>This.</returns>
    public EwsRequestWriter ItemIds(IEnumerable<string> ids)
    {
        Start("m:ItemIds");
        foreach (string id in ids)
            Empty("t:ItemId", ("Id", id));
        return End();
    }

    /// <summary>Writes an element whose text, the MIME content in base64, is sent from the message itself: at most once in a request.</summary>
    /// <returns>This.</returns>
    public EwsRequestWriter MimeContent()
    {
        Start("t:MimeContent", ("CharacterSet", "UTF-8"));
        xml.WriteString("#");
        xml.Flush();
        split = (int)bytes.Length - 1;
        return End();
    }

    /// <summary>Ends the request.</summary>
    /// <returns>The bytes; with <see cref="MimeContent"/> what is before the content and what is behind it.</returns>
    public (byte[] Head, byte[] Tail) Complete()
    {
        xml.WriteEndDocument();
        xml.Flush();
        byte[] all = bytes.ToArray();
        return split < 0 ? (all, []) : (all[..split], all[(split + 1)..]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        xml.Dispose();
        bytes.Dispose();
    }

    private EwsRequestWriter AdditionalProperties(ReadOnlySpan<string> fields)
    {
        if (fields.IsEmpty)
            return this;
        Start("t:AdditionalProperties");
        foreach (string field in fields)
            Field(field);
        return End();
    }

    private static string Clean(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            return text;
        var clean = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                clean.Append(text[i]).Append(text[++i]);
            else if (XmlConvert.IsXmlChar(text[i]))
                clean.Append(text[i]);
        }

        return clean.ToString();
    }
}
