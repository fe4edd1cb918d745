using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Xml;
using EmailRouter.Crm.Organization.Claims;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>
/// A message to Organization.svc: a name and parameters with typed values. One writer serves every message. Files are read while they are written to the wire,
/// never held; a request can be written several times.
/// </summary>
/// <param name="name">The message, e.g. <c>CheckIncomingEmail</c>.</param>
/// <param name="what">What is asked for, in words.</param>
internal sealed class OrganizationRequest(string name, string what)
{
    // What the server is told about its client's age.
    private const string SdkClientVersion = "8.2.0.0";

    // A multiple of three, so that only the last piece of a file is padded.
    private const int PieceSize = 48 * 1024;

    private readonly List<(string Name, object? Value)> parameters = [];

    /// <summary>Gets the message.</summary>
    public string Name { get; } = name;

    /// <summary>Gets what is asked for, in words.</summary>
    public string What { get; } = what;

    /// <summary>Gets a value indicating whether doing it twice does no harm. Reading never does.</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>Gets the user in whose name it is done; null for the one who is logged in.</summary>
    public Guid? Caller { get; init; }

    /// <summary>Gets what went wrong when a file was read for the last writing; null when nothing did.</summary>
    public ExceptionDispatchInfo? FileFault { get; private set; }

    /// <summary>Adds a parameter.</summary>
    /// <param name="parameter">Its name.</param>
    /// <param name="value">Its value.</param>
    /// <returns>This request.</returns>
    public OrganizationRequest With(string parameter, object? value)
    {
        parameters.Add((parameter, value));
        return this;
    }

    /// <summary>Gets the parameters, in the order in which they were added.</summary>
    public IReadOnlyList<(string Name, object? Value)> Parameters => parameters;

    /// <summary>Gets a parameter; null when it is missing.</summary>
    /// <param name="parameter">Its name.</param>
    public object? this[string parameter] => parameters.Find(p => p.Name == parameter).Value;

    /// <summary>Writes the envelope as a service takes it.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="dialect">The form it takes.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when it is written.</returns>
    public async Task WriteAsync(Stream stream, SoapDialect dialect, CancellationToken cancellationToken)
    {
        FileFault = null;
        XmlWriter xml = XmlWriter.Create(
            stream, new XmlWriterSettings { Async = true, Encoding = new UTF8Encoding(false), CheckCharacters = false, CloseOutput = false });
        await using (xml.ConfigureAwait(false))
            await dialect.WriteAsync(this, xml, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes the envelope in the form of Organization.svc.</summary>
    /// <param name="xml">Where to.</param>
    /// <param name="writeLogin">Writes the headers that log in, in an envelope of SOAP 1.2; null where HTTP logs in: SOAP 1.1.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when it is written.</returns>
    public async Task WriteEnvelopeAsync(XmlWriter xml, Action<XmlWriter>? writeLogin, CancellationToken cancellationToken)
    {
        string soap = writeLogin is null ? SoapNames.Envelope : ClaimsNames.Envelope;
        xml.WriteStartElement("s", "Envelope", soap);
        xml.WriteAttributeString("xmlns", "a", null, SoapNames.Contracts);
        xml.WriteAttributeString("xmlns", "b", null, SoapNames.Collections);
        xml.WriteAttributeString("xmlns", "c", null, SoapNames.Schema);
        xml.WriteAttributeString("xmlns", "d", null, SoapNames.Serialization);
        xml.WriteAttributeString("xmlns", "e", null, SoapNames.Arrays);
        xml.WriteAttributeString("xmlns", "i", null, SoapNames.Instance);
        xml.WriteStartElement("Header", soap);
        xml.WriteElementString("SdkClientVersion", SoapNames.Contracts, SdkClientVersion);
        if (Caller is { } caller)
            xml.WriteElementString("CallerId", SoapNames.Contracts, caller.ToString("D"));
        writeLogin?.Invoke(xml);
        xml.WriteEndElement();
        xml.WriteStartElement("Body", soap);
        xml.WriteStartElement(string.Empty, "Execute", SoapNames.Services);
        xml.WriteStartElement("request", SoapNames.Services);
        await WriteContentAsync(xml, cancellationToken).ConfigureAwait(false);
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private async Task WriteContentAsync(XmlWriter xml, CancellationToken cancellationToken)
    {
        xml.WriteStartElement("Parameters", SoapNames.Contracts);
        foreach ((string parameter, object? value) in parameters)
            await WritePairAsync(xml, parameter, value, cancellationToken).ConfigureAwait(false);
        xml.WriteEndElement();
        WriteNil(xml, "RequestId");
        xml.WriteElementString("RequestName", SoapNames.Contracts, Name);
    }

    private async Task WritePairAsync(XmlWriter xml, string key, object? value, CancellationToken cancellationToken)
    {
        xml.WriteStartElement("KeyValuePairOfstringanyType", SoapNames.Contracts);
        xml.WriteElementString("key", SoapNames.Collections, key);
        xml.WriteStartElement("value", SoapNames.Collections);
        await WriteValueAsync(xml, value, cancellationToken).ConfigureAwait(false);
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private async Task WriteValueAsync(XmlWriter xml, object? value, CancellationToken cancellationToken)
    {
        switch (value)
        {
            case null:
                xml.WriteAttributeString("nil", SoapNames.Instance, "true");
                break;
            case string text:
                Type(xml, "c:string");
                xml.WriteString(Clean(text));
                break;
            case EmailAttachment file:
                Type(xml, "c:string");
                await WriteFileAsync(xml, file, cancellationToken).ConfigureAwait(false);
                break;
            case bool flag:
                Type(xml, "c:boolean");
                xml.WriteString(XmlConvert.ToString(flag));
                break;
            case int number:
                Type(xml, "c:int");
                xml.WriteString(number.ToString(CultureInfo.InvariantCulture));
                break;
            case Guid id:
                Type(xml, "d:guid");
                xml.WriteString(id.ToString("D"));
                break;
            case DateTimeOffset time:
                Type(xml, "c:dateTime");
                xml.WriteString(time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
                break;
            case OptionSetValue option:
                Type(xml, "a:OptionSetValue");
                xml.WriteElementString("Value", SoapNames.Contracts, option.Value.ToString(CultureInfo.InvariantCulture));
                break;
            case RecordReference record:
                Type(xml, "a:EntityReference");
                xml.WriteElementString("Id", SoapNames.Contracts, record.Id.ToString("D"));
                xml.WriteElementString("LogicalName", SoapNames.Contracts, record.LogicalName);
                WriteNil(xml, "Name");
                break;
            case SoapEntity entity:
                Type(xml, "a:Entity");
                await WriteEntityAsync(xml, entity, cancellationToken).ConfigureAwait(false);
                break;
            case SoapEntities entities:
                Type(xml, "a:EntityCollection");
                xml.WriteStartElement("Entities", SoapNames.Contracts);
                foreach (SoapEntity entity in entities.Entities)
                {
                    xml.WriteStartElement("Entity", SoapNames.Contracts);
                    await WriteEntityAsync(xml, entity, cancellationToken).ConfigureAwait(false);
                    xml.WriteEndElement();
                }

                xml.WriteEndElement();
                xml.WriteElementString("EntityName", SoapNames.Contracts, entities.LogicalName);
                break;
            case FetchExpression fetch:
                Type(xml, "a:FetchExpression");
                xml.WriteElementString("Query", SoapNames.Contracts, fetch.Query);
                break;
            case ColumnSet columns:
                Type(xml, "a:ColumnSet");
                WriteColumns(xml, columns.Columns);
                break;
            case EmailsById query:
                Type(xml, "a:QueryExpression");
                WriteQuery(xml, query);
                break;
            case DefinitionQuery definitions:
                definitions.Write(xml);
                break;
            case EntityFilters filters:
                xml.WriteAttributeString("xmlns", "m", null, SoapNames.Metadata);
                Type(xml, "m:EntityFilters");
                xml.WriteString(filters.Value);
                break;
            case IReadOnlyList<OrganizationRequest> requests:
                xml.WriteAttributeString("xmlns", "l", null, SoapNames.Contracts2012);
                Type(xml, "l:OrganizationRequestCollection");
                foreach (OrganizationRequest request in requests)
                {
                    xml.WriteStartElement("OrganizationRequest", SoapNames.Contracts2012);
                    await request.WriteContentAsync(xml, cancellationToken).ConfigureAwait(false);
                    xml.WriteEndElement();
                }

                break;
            case MultipleSettings settings:
                xml.WriteAttributeString("xmlns", "l", null, SoapNames.Contracts2012);
                Type(xml, "l:ExecuteMultipleSettings");
                xml.WriteElementString("ContinueOnError", SoapNames.Contracts2012, XmlConvert.ToString(settings.ContinueOnError));
                xml.WriteElementString("ReturnResponses", SoapNames.Contracts2012, "true");
                break;
            default:
                throw new ArgumentException($"A {value.GetType().Name} is no value of a request.", nameof(value));
        }
    }

    private async Task WriteEntityAsync(XmlWriter xml, SoapEntity entity, CancellationToken cancellationToken)
    {
        // The contract's members stand in the order of the alphabet; out of order the server overlooks them.
        xml.WriteStartElement("Attributes", SoapNames.Contracts);
        foreach ((string column, object? value) in entity.Attributes)
            await WritePairAsync(xml, column, value, cancellationToken).ConfigureAwait(false);
        xml.WriteEndElement();
        WriteNil(xml, "EntityState");
        xml.WriteStartElement("FormattedValues", SoapNames.Contracts);
        xml.WriteEndElement();
        xml.WriteElementString("Id", SoapNames.Contracts, (entity.Id ?? Guid.Empty).ToString("D"));
        xml.WriteElementString("LogicalName", SoapNames.Contracts, entity.LogicalName);
        xml.WriteStartElement("RelatedEntities", SoapNames.Contracts);
        xml.WriteEndElement();
    }

    /// <summary>Writes a file's content in base64.</summary>
    /// <param name="xml">Where to.</param>
    /// <param name="file">The file.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <returns>A task that ends when it is written.</returns>
    public async Task WriteFileAsync(XmlWriter xml, EmailAttachment file, CancellationToken cancellationToken)
    {
        Stream content;
        try
        {
            content = await file.Open(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            FileFault = ExceptionDispatchInfo.Capture(e);
            throw;
        }

        await using (content.ConfigureAwait(false))
        {
            byte[] piece = new byte[PieceSize];
            while (true)
            {
                int read;
                try
                {
                    read = await content.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    FileFault = ExceptionDispatchInfo.Capture(e);
                    throw;
                }

                if (read > 0)
                    await xml.WriteBase64Async(piece, 0, read).ConfigureAwait(false);
                if (read < piece.Length)
                    break;
            }
        }
    }

    private static void WriteQuery(XmlWriter xml, EmailsById query)
    {
        xml.WriteStartElement("ColumnSet", SoapNames.Contracts);
        WriteColumns(xml, query.Columns);
        xml.WriteEndElement();
        xml.WriteStartElement("Criteria", SoapNames.Contracts);
        xml.WriteStartElement("Conditions", SoapNames.Contracts);
        xml.WriteStartElement("ConditionExpression", SoapNames.Contracts);
        xml.WriteElementString("AttributeName", SoapNames.Contracts, "activityid");
        xml.WriteElementString("Operator", SoapNames.Contracts, "In");
        xml.WriteStartElement("Values", SoapNames.Contracts);
        foreach (Guid id in query.Ids)
        {
            xml.WriteStartElement("anyType", SoapNames.Arrays);
            Type(xml, "d:guid");
            xml.WriteString(id.ToString("D"));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteElementString("FilterOperator", SoapNames.Contracts, "And");
        xml.WriteStartElement("Filters", SoapNames.Contracts);
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteElementString("Distinct", SoapNames.Contracts, "false");
        xml.WriteElementString("EntityName", SoapNames.Contracts, "email");
    }

    private static void WriteColumns(XmlWriter xml, IReadOnlyList<string> columns)
    {
        xml.WriteElementString("AllColumns", SoapNames.Contracts, "false");
        xml.WriteStartElement("Columns", SoapNames.Contracts);
        foreach (string column in columns)
            xml.WriteElementString("string", SoapNames.Arrays, column);
        xml.WriteEndElement();
    }

    private static void Type(XmlWriter xml, string type) => xml.WriteAttributeString("type", SoapNames.Instance, type);

    private static void WriteNil(XmlWriter xml, string name)
    {
        xml.WriteStartElement(name, SoapNames.Contracts);
        xml.WriteAttributeString("nil", SoapNames.Instance, "true");
        xml.WriteEndElement();
    }

    /// <summary>Takes out what XML cannot hold, which mail may well have.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The text with a replacement character for each.</returns>
    public static string Clean(string text)
    {
        StringBuilder? clean = null;
        for (int i = 0; i < text.Length; i++)
        {
            bool isPair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            if (isPair || XmlConvert.IsXmlChar(text[i]))
            {
                clean?.Append(text, i, isPair ? 2 : 1);
                i += isPair ? 1 : 0;
            }
            else
            {
                clean ??= new StringBuilder(text, 0, i, text.Length);
                clean.Append('\uFFFD');
            }
        }

        return clean?.ToString() ?? text;
    }
}

/// <summary>How several requests in one are done (ExecuteMultipleSettings).</summary>
/// <param name="ContinueOnError">Whether those after one that failed are done.</param>
internal sealed record MultipleSettings(bool ContinueOnError);
