using System.Globalization;
using System.Xml.Linq;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Exchange;

/// <summary>GetFolder, FindFolder, CreateFolder, UpdateFolder, MoveFolder, DeleteFolder, EmptyFolder.</summary>
internal static class EwsFolderOperations
{
    private static readonly XNamespace M = EwsNames.M;
    private static readonly XNamespace T = EwsNames.T;

    public static XElement Get(EwsCall call)
    {
        EwsFolderShape shape = EwsFolderShape.Parse(call.Child("FolderShape"));
        return call.Answer(
            call.Children("FolderIds"),
            id =>
            {
                (LabMailbox mailbox, LabFolder folder) = call.Folder(id);
                return new XElement(M + "Folders", shape.Render(mailbox, folder));
            },
            () => new XElement(M + "Folders"));
    }

    public static XElement Find(EwsCall call)
    {
        EwsFolderShape shape = EwsFolderShape.Parse(call.Child("FolderShape"));
        bool deep = call.Operation.Attribute("Traversal")?.Value == "Deep";
        Predicate<(LabMailbox Mailbox, LabFolder Folder)> test = call.Child("Restriction")?.Elements().FirstOrDefault() is { } expression
            ? EwsRestriction.Parse<(LabMailbox Mailbox, LabFolder Folder)>(expression, EwsFolderShape.Path) : _ => true;
        return call.Answer(call.Children("ParentFolderIds"), id =>
        {
            (LabMailbox mailbox, LabFolder parent) = call.Folder(id);
            LabFolder[] found = [.. mailbox.FoldersBelow(parent.Id, deep).Where(f => test((mailbox, f)))];
            EwsPage<LabFolder> page = EwsPage<LabFolder>.Of(found, call.Child("IndexedPageFolderView"), call.Server.MaxFindRows(call.Child("Restriction") is not null));
            return page.RootFolder(new XElement(T + "Folders", page.Rows.Select(f => shape.Render(mailbox, f))));
        });
    }

    public static XElement Create(EwsCall call) => call.Answer(call.Children("Folders"), wanted =>
    {
        (LabMailbox mailbox, LabFolder parent) = call.Folder(call.First("ParentFolderId"));
        string name = wanted.Element(T + "DisplayName")?.Value is { Length: > 0 } given ? given
            : throw new EwsException("ErrorFolderSavePropertyError", "The folder has no name.");
        string folderClass = wanted.Element(T + "FolderClass")?.Value ?? EwsFolderShape.ClassOf(wanted.Name.LocalName);
        LabFolder made = mailbox.CreateFolder(parent.Id, name, folderClass);
        return new XElement(M + "Folders", new XElement(T + EwsFolderShape.ElementOf(made), EwsId.FolderElement(mailbox, made)));
    });

    public static XElement Update(EwsCall call) => call.Answer(call.Children("FolderChanges"), change =>
    {
        (LabMailbox mailbox, LabFolder folder) = call.Folder(change.Elements().FirstOrDefault());
        foreach (XElement update in change.Element(T + "Updates")?.Elements() ?? [])
        {
            XElement? path = update.Element(T + "FieldURI");
            if (path?.Attribute("FieldURI")?.Value == "folder:FolderClass" && update.Elements().Last().Element(T + "FolderClass")?.Value == folder.FolderClass)
                continue;
            if (update.Name != T + "SetFolderField" || path?.Attribute("FieldURI")?.Value != "folder:DisplayName")
                throw new EwsException("ErrorInvalidPropertySet", "Only the name of a folder can be set.");
            folder = mailbox.UpdateFolder(folder.Id, update.Elements().Last().Element(T + "DisplayName")?.Value);
        }

        return new XElement(M + "Folders", new XElement(T + EwsFolderShape.ElementOf(folder), EwsId.FolderElement(mailbox, folder)));
    });

    public static XElement Move(EwsCall call) => call.Answer(call.Children("FolderIds"), id =>
    {
        (LabMailbox target, LabFolder to) = To(call);
        (LabMailbox mailbox, LabFolder folder) = call.Folder(id);
        if (mailbox != target)
            throw new EwsException("ErrorMoveCopyFailed", "Folders move only within a mailbox.");
        LabFolder moved = mailbox.UpdateFolder(folder.Id, parentId: to.Id);
        return new XElement(M + "Folders", new XElement(T + EwsFolderShape.ElementOf(moved), EwsId.FolderElement(mailbox, moved)));
    });

    public static XElement Delete(EwsCall call)
    {
        LabDeletion how = Deletion(call.Operation);
        return call.Answer(call.Children("FolderIds"), id =>
        {
            (LabMailbox mailbox, LabFolder folder) = call.Folder(id);
            mailbox.DeleteFolder(folder.Id, how);
            return null;
        });
    }

    public static XElement Empty(EwsCall call)
    {
        LabDeletion how = Deletion(call.Operation);
        bool deep = EwsNames.IsTrue(call.Operation.Attribute("DeleteSubFolders")?.Value);
        return call.Answer(call.Children("FolderIds"), id =>
        {
            (LabMailbox mailbox, LabFolder folder) = call.Folder(id);
            foreach (LabMessage message in mailbox.MessagesIn(folder.Id))
                mailbox.Delete(message.Id, how);
            if (deep)
            {
                foreach (LabFolder child in mailbox.FoldersBelow(folder.Id))
                    mailbox.DeleteFolder(child.Id, how);
            }

            return null;
        });
    }

    /// <summary>The folder that ToFolderId names.</summary>
    public static (LabMailbox Mailbox, LabFolder Folder) To(EwsCall call)
    {
        try
        {
            return call.Folder(call.First("ToFolderId"));
        }
        catch (EwsException e) when (e.Code == "ErrorFolderNotFound")
        {
            throw new EwsException("ErrorToFolderNotFound", "The target folder could not be found.");
        }
    }

    public static LabDeletion Deletion(XElement operation) => operation.Attribute("DeleteType")?.Value switch
    {
        "HardDelete" => LabDeletion.Hard,
        "SoftDelete" => LabDeletion.Soft,
        "MoveToDeletedItems" => LabDeletion.MoveToDeletedItems,
        _ => throw EwsException.Schema(operation, "The required attribute 'DeleteType' is missing or invalid."),
    };
}

/// <summary>What a request wants to see of folders.</summary>
internal sealed class EwsFolderShape
{
    private static readonly XNamespace T = EwsNames.T;

    // In the order of the schema (BaseFolderType, then FolderType).
    private static readonly (string Name, EwsValueKind Kind, bool IsDefault, Func<LabMailbox, LabFolder, object?> Read)[] All =
    [
        ("FolderId", EwsValueKind.Text, true, (m, f) => EwsId.FolderElement(m, f)),
        ("ParentFolderId", EwsValueKind.Text, false, (m, f) => f.ParentId is { } id && m.FindFolder(id) is { } parent ? EwsId.FolderElement(m, parent, "ParentFolderId") : null),
        ("FolderClass", EwsValueKind.Text, false, (_, f) => f.WellKnownName is LabFolderNames.Root or LabFolderNames.MsgFolderRoot ? null : f.FolderClass),
        ("DisplayName", EwsValueKind.Text, true, (_, f) => f.DisplayName),
        ("TotalCount", EwsValueKind.Number, true, (m, f) => EwsNames.Number(m.MessagesIn(f.Id).Count)),
        ("ChildFolderCount", EwsValueKind.Number, true, (m, f) => EwsNames.Number(m.FoldersBelow(f.Id).Count)),
        ("EffectiveRights", EwsValueKind.Text, false, (_, _) => new XElement(
            T + "EffectiveRights",
            new[] { "CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read" }.Select(n => new XElement(T + n, "true")))),
        ("DistinguishedFolderId", EwsValueKind.Text, false, (_, f) => f.WellKnownName),
        ("UnreadCount", EwsValueKind.Number, true, (m, f) => EwsNames.Number(m.MessagesIn(f.Id).Count(x => !x.IsRead))),
    ];

    private readonly HashSet<string> names = ["FolderId"];
    private readonly List<XElement> extended = [];

    private EwsFolderShape(XElement? shape)
    {
        string? wanted = shape?.Element(T + "BaseShape")?.Value;
        if (wanted is "Default" or "AllProperties")
            names.UnionWith(All.Where(f => wanted == "AllProperties" || f.IsDefault).Select(f => f.Name));
        foreach (XElement path in shape?.Element(T + "AdditionalProperties")?.Elements() ?? [])
        {
            if (path.Name == T + "ExtendedFieldURI")
                extended.Add(path);
            else if (path.Attribute("FieldURI")?.Value is { } uri)
                names.Add(uri[(uri.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        }
    }

    public static EwsFolderShape Parse(XElement? shape) => new(shape);

    public static string ElementOf(LabFolder folder) => folder.FolderClass.Split('.') switch
    {
        [_, "Appointment", ..] => "CalendarFolder",
        [_, "Contact", ..] => "ContactsFolder",
        [_, "Task", ..] => "TasksFolder",
        _ => "Folder",
    };

    public static string ClassOf(string element) => element switch
    {
        "CalendarFolder" => "IPF.Appointment",
        "ContactsFolder" => "IPF.Contact",
        "TasksFolder" => "IPF.Task",
        _ => "IPF.Note",
    };

    /// <summary>Reads what a path of a restriction names.</summary>
    public static EwsRead<(LabMailbox Mailbox, LabFolder Folder)> Path(XElement path)
    {
        if (path.Name == T + "ExtendedFieldURI")
            return subject => (EwsValueKind.Text, Extended(path, subject.Mailbox, subject.Folder) is { } value ? [value] : []);
        string uri = path.Attribute("FieldURI")?.Value ?? throw EwsException.Schema(path, "The required attribute 'FieldURI' is missing.");
        foreach ((string name, EwsValueKind kind, _, Func<LabMailbox, LabFolder, object?> read) in All)
        {
            if (uri == $"folder:{name}")
                return subject => (kind, EwsItemFields.Values(read(subject.Mailbox, subject.Folder)));
        }

        throw new EwsException("ErrorInvalidPropertyRequest", $"Folders cannot be searched by {uri}.");
    }

    public XElement Render(LabMailbox mailbox, LabFolder folder)
    {
        var element = new XElement(T + ElementOf(folder));
        foreach ((string name, _, _, Func<LabMailbox, LabFolder, object?> read) in All)
        {
            if (name == "EffectiveRights")
                element.Add(extended.Select(p => ExtendedElement(p, mailbox, folder)));
            if (!names.Contains(name))
                continue;
            element.Add(read(mailbox, folder) switch
            {
                XElement shown => shown,
                string text => new XElement(T + name, EwsText.Clean(text)),
                _ => null,
            });
        }

        return element;
    }

    private static XElement? ExtendedElement(XElement path, LabMailbox mailbox, LabFolder folder) => Extended(path, mailbox, folder) is { } value
        ? new XElement(
            T + "ExtendedProperty", new XElement(T + "ExtendedFieldURI", path.Attributes().Where(a => !a.IsNamespaceDeclaration)), new XElement(T + "Value", EwsText.Clean(value)))
        : null;

    private static string? Extended(XElement path, LabMailbox mailbox, LabFolder folder)
    {
        string text = path.Attribute("PropertyTag")?.Value ?? string.Empty;
        int tag = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? int.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : int.TryParse(text, CultureInfo.InvariantCulture, out int number) ? number : 0;
        return tag switch
        {
            0x3001 => folder.DisplayName,
            0x3613 => folder.FolderClass,
            0x10F4 => "false",
            0x3602 => EwsNames.Number(mailbox.MessagesIn(folder.Id).Count),
            0x3603 => EwsNames.Number(mailbox.MessagesIn(folder.Id).Count(m => !m.IsRead)),
            0x360A => EwsNames.Bool(mailbox.FoldersBelow(folder.Id).Count > 0),
            0x670A or 0x3008 => EwsNames.Date(mailbox.MessagesIn(folder.Id).Select(m => m.ModifiedOn).DefaultIfEmpty(DateTimeOffset.UnixEpoch).Max()),
            0x6751 => EwsNames.Number(mailbox.Sequence),
            0x6752 => EwsNames.Number(mailbox.MessagesIn(folder.Id).Select(m => m.Place).DefaultIfEmpty().Max() + 1),
            _ => null,
        };
    }
}
