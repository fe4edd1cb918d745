using System.Xml.Linq;
using EmailRouter.Mail.Exchange.Soap;

namespace EmailRouter.Mail.Exchange;

/// <summary>
/// Finds folders by their paths, as a user sees them: <c>Inbox/CRM/Done</c>, <c>Archive</c>. The first part may be a name that every mailbox knows, in English
/// whatever the mailbox's language.
/// </summary>
internal sealed class ExchangeFolders(EwsChannel channel)
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Inbox"] = "inbox",
        ["SentItems"] = "sentitems",
        ["Sent Items"] = "sentitems",
        ["DeletedItems"] = "deleteditems",
        ["Deleted Items"] = "deleteditems",
        ["Drafts"] = "drafts",
        ["Outbox"] = "outbox",
        ["JunkEmail"] = "junkemail",
        ["Junk Email"] = "junkemail",
    };

    private readonly Dictionary<string, ExchangeFolderId> found = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Finds a folder.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="create">Whether to make what is missing.</param>
    /// <param name="step">The step it is needed for.</param>
    /// <param name="cancellationToken">Stops the attempt.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="MailCommandException"><c>MailFolderNotFound</c>, or what else the server says.</exception>
    public async ValueTask<ExchangeFolderId> FindAsync(string path, bool create, MailStep step, CancellationToken cancellationToken)
    {
        if (found.TryGetValue(path, out ExchangeFolderId folder))
            return folder;
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length == 0)
            throw NotFound(path, path, step);
        folder = ExchangeFolderId.Top;
        int first = 0;
        if (Known.TryGetValue(parts[0], out string? name))
        {
            folder = await OpenAsync(new ExchangeFolderId(name, true), parts[0], step, cancellationToken).ConfigureAwait(false);
            first = 1;
        }

        foreach (string part in parts.Skip(first))
        {
            folder = await ChildAsync(folder, part, step, cancellationToken).ConfigureAwait(false)
                ?? (create ? await CreateAsync(folder, part, path, step, cancellationToken).ConfigureAwait(false) : throw NotFound(path, part, step));
        }

        return found[path] = folder;
    }

    private static ExchangeFolderId? IdOf(XElement? folder) => (string?)folder.Child("FolderId")?.Attribute("Id") is { Length: > 0 } id ? new ExchangeFolderId(id) : null;

    private async ValueTask<ExchangeFolderId> OpenAsync(ExchangeFolderId folder, string name, MailStep step, CancellationToken cancellationToken)
    {
        var call = new EwsCall("GetFolder", step, w => w.Start("m:GetFolder").FolderShape().Start("m:FolderIds").Folder(folder).End().End());
        EwsMessage answer = await channel.AskOneAsync(call, $"to open {name}", cancellationToken).ConfigureAwait(false);
        return IdOf(answer.Items.FirstOrDefault()) ?? throw channel.Malformed(call, "the folder has no id", null);
    }

    private async ValueTask<ExchangeFolderId?> ChildAsync(ExchangeFolderId parent, string name, MailStep step, CancellationToken cancellationToken)
    {
        var call = new EwsCall("FindFolder", step, w => w
            .Start("m:FindFolder", ("Traversal", "Shallow"))
            .FolderShape("folder:DisplayName")
            .Empty("m:IndexedPageFolderView", ("MaxEntriesReturned", "10"), ("Offset", "0"), ("BasePoint", "Beginning"))
            .Start("m:Restriction").Start("t:IsEqualTo").Field("folder:DisplayName").Start("t:FieldURIOrConstant").Empty("t:Constant", ("Value", name)).End().End().End()
            .Start("m:ParentFolderIds").Folder(parent).End()
            .End());
        EwsMessage answer = await channel.AskOneAsync(call, $"to find the folder {name}", cancellationToken).ConfigureAwait(false);
        return IdOf(answer.Element.Child("RootFolder").Child("Folders")?.Elements()
            .FirstOrDefault(f => f.Child("DisplayName") is not { } shown || shown.Value.Trim().Equals(name, StringComparison.OrdinalIgnoreCase)));
    }

    private async ValueTask<ExchangeFolderId> CreateAsync(ExchangeFolderId parent, string name, string path, MailStep step, CancellationToken cancellationToken)
    {
        var call = new EwsCall("CreateFolder", step, w => w
            .Start("m:CreateFolder")
            .Start("m:ParentFolderId").Folder(parent).End()
            .Start("m:Folders").Start("t:Folder").Element("t:FolderClass", "IPF.Note").Element("t:DisplayName", name).End().End()
            .End());
        EwsMessage answer = (await channel.AskAsync(call, cancellationToken).ConfigureAwait(false))[0];
        if (answer.IsSuccess && IdOf(answer.Items.FirstOrDefault()) is { } made)
            return made;
        if (answer.IsSuccess)
            throw channel.Malformed(call, "the folder has no id", null);

        // Somebody made it meanwhile.
        return answer.Code == "ErrorFolderExists" && await ChildAsync(parent, name, step, cancellationToken).ConfigureAwait(false) is { } other
            ? other
            : throw channel.Refused(answer, step, $"to make the folder {path}");
    }

    private MailCommandException NotFound(string path, string part, MailStep step) => new(
        "MailFolderNotFound",
        step,
        $"{channel.Where}: there is no folder \"{path}\"{(part == path ? string.Empty : $" (\"{part}\" is missing)")}.",
        "Check the option folders of the profile: paths begin at the top of the mailbox, e.g. Inbox/CRM, with / between the parts.")
    {
        Conversation = channel.Conversation,
    };
}
