using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>One operation, and in whose name it is carried out.</summary>
internal sealed class EwsCall(LabExchangeServer server, XElement operation, LabAccount account, LabMailbox? mailbox, EwsVersion version, Func<EwsException?> itemError)
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public LabExchangeServer Server => server;

    public LabMailStore Store => server.Store;

    public XElement Operation => operation;

    /// <summary>Who acts: the owner of the mailbox that is impersonated, or who is logged in.</summary>
    public LabAccount Account => account;

    public EwsVersion Version => version;

    /// <summary>The mailbox of whoever acts.</summary>
    public LabMailbox Mailbox => mailbox ?? throw new EwsException(
        "ErrorMissingEmailAddress",
        "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.");

    public XElement? Child(string name) => operation.Element(M + name);

    /// <summary>The child elements of a child.</summary>
    public IReadOnlyList<XElement> Children(string name) => [.. operation.Element(M + name)?.Elements() ?? []];

    /// <summary>The first child element of a child.</summary>
    public XElement? First(string name) => operation.Element(M + name)?.Elements().FirstOrDefault();

    /// <summary>Answers with one response message per subject.</summary>
    public XElement Answer<TSubject>(IEnumerable<TSubject> subjects, Func<TSubject, object?> payload, Func<object?>? onError = null)
    {
        string name = operation.Name.LocalName;
        return new XElement(M + $"{name}Response", new XElement(M + "ResponseMessages", subjects.Select(subject => Message(name, () => payload(subject), onError))));
    }

    /// <summary>Answers with one response message.</summary>
    public XElement Answer(Func<object?> payload) => Answer([0], _ => payload());

    /// <summary>Answers an operation that carries its result on the response itself.</summary>
    public XElement AnswerBare(Func<object?> payload)
    {
        XElement message = Message(operation.Name.LocalName, payload, null);
        message.Name = M + $"{operation.Name.LocalName}Response";
        return message;
    }

    /// <summary>Finds the folder that a FolderId or DistinguishedFolderId names.</summary>
    public (LabMailbox Mailbox, LabFolder Folder) Folder(XElement? id)
    {
        switch (id?.Name.LocalName)
        {
            case "FolderId":
                EwsId known = EwsId.Parse(id.Attribute("Id")?.Value, EwsId.Folder);
                LabMailbox owner = Open(known.Mailbox, "ErrorFolderNotFound");
                return (owner, owner.FindFolder(known.Value) ?? throw FolderNotFound());
            case "DistinguishedFolderId":
                string? address = id.Element(T + "Mailbox")?.Element(T + "EmailAddress")?.Value.Trim();
                LabMailbox whose = string.IsNullOrEmpty(address) ? Mailbox : Open(address, "ErrorFolderNotFound");
                string name = id.Attribute("Id")?.Value ?? throw EwsException.Schema(id, "The required attribute 'Id' is missing.");
                LabFolder? folder = whose.Folders.FirstOrDefault(f => f.WellKnownName == name);
                return (whose, folder ?? throw FolderNotFound());
            default:
                throw EwsException.Schema(id ?? operation, "A folder id is expected.");
        }
    }

    /// <summary>Finds the message that an ItemId names.</summary>
    public (LabMailbox Mailbox, LabMessage Message) Item(XElement? id)
    {
        if (id?.Name.LocalName != "ItemId")
            throw EwsException.Schema(id ?? operation, "An item id is expected.");
        EwsId known = EwsId.Parse(id.Attribute("Id")?.Value, EwsId.Item);
        LabMailbox owner = Open(known.Mailbox, "ErrorItemNotFound");
        return (owner, owner.FindEntry(known.Value) ?? throw ItemNotFound());
    }

    /// <summary>Opens a mailbox. Who may not gets the same answer as for what is not there.</summary>
    public LabMailbox Open(string address, string otherwise)
    {
        LabMailbox found = Store.Find(address) ?? throw new EwsException("ErrorNonExistentMailbox", $"The SMTP address {address} has no mailbox associated with it.");
        return account.CanOpen(found) ? found : throw new EwsException(otherwise, "The specified object was not found in the store.");
    }

    public static EwsException FolderNotFound() => new("ErrorFolderNotFound", "The specified folder could not be found in the store.");

    public static EwsException ItemNotFound() => new("ErrorItemNotFound", "The specified object was not found in the store.");

    /// <summary>The response code that stands for a refusal of the store.</summary>
    public static EwsException Of(LabStoreException e) => new(
        e.Error switch
        {
            LabStoreError.MailboxNotFound => "ErrorNonExistentMailbox",
            LabStoreError.FolderNotFound => "ErrorFolderNotFound",
            LabStoreError.MessageNotFound => "ErrorItemNotFound",
            LabStoreError.FolderExists => "ErrorFolderExists",
            LabStoreError.WellKnownFolder => "ErrorDeleteDistinguishedFolder",
            LabStoreError.FolderLoop => "ErrorMoveCopyFailed",
            LabStoreError.Conflict => "ErrorIrresolvableConflict",
            LabStoreError.QuotaExceeded => "ErrorQuotaExceeded",
            LabStoreError.MessageTooLarge => "ErrorMessageSizeExceeded",
            LabStoreError.NoRecipients => "ErrorInvalidRecipients",
            LabStoreError.SendAsDenied => "ErrorSendAsDenied",
            _ => "ErrorInternalServerError",
        },
        e.Message);

    private XElement Message(string name, Func<object?> payload, Func<object?>? onError)
    {
        try
        {
            if (itemError() is { } injected)
                throw injected;
            object? content = payload();
            return content is EwsWarning warning
                ? Message(name, "Warning", warning.Code, warning.Message, [], warning.Payload)
                : Message(name, "Success", "NoError", null, [], content);
        }
        catch (LabStoreException e)
        {
            EwsException translated = Of(e);
            return Message(name, "Error", translated.Code, translated.Message, [], onError?.Invoke());
        }
        catch (EwsException e) when (e.Code != "ErrorSchemaValidation")
        {
            return Message(name, "Error", e.Code, e.Message, e.Details, e.Payload.Count > 0 ? e.Payload : onError?.Invoke());
        }
    }

    private static XElement Message(string name, string responseClass, string code, string? text, IReadOnlyList<XElement> details, object? payload) => new(
        M + $"{name}ResponseMessage",
        new XAttribute("ResponseClass", responseClass),
        text is null ? null : new XElement(M + "MessageText", text),
        new XElement(M + "ResponseCode", code),
        text is null ? null : new XElement(M + "DescriptiveLinkKey", 0),
        details.Count == 0 ? null : new XElement(M + "MessageXml", details),
        payload);
}

/// <summary>A response message of class Warning: a code, and results nevertheless.</summary>
internal sealed record EwsWarning(string Code, string Message, object? Payload);
