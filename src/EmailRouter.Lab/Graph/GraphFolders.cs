using System.Text.Json.Nodes;
using EmailRouter.Lab.Http;
using EmailRouter.Lab.Store;

namespace EmailRouter.Lab.Graph;

/// <summary>Folders.</summary>
internal sealed class GraphFolders(GraphCall call)
{
    private readonly LabMailbox mailbox = call.Mailbox;

    public LabHttpAnswer List(string? parent) => LabHttpAnswer.OfJson(200, call.Query.Apply(
        mailbox.FoldersBelow(Parent(parent).Id),
        (folder, path) => GraphValue.Find(Show(folder), path),
        Pick,
        call,
        parent is null ? "mailFolders" : $"mailFolders('{Uri.EscapeDataString(parent)}')/childFolders"));

    public LabHttpAnswer Get(string id) => Entity(200, GraphIds.FolderOf(mailbox, id));

    public LabHttpAnswer Create(string? parent) => Entity(201, mailbox.CreateFolder(Parent(parent).Id, Name() ?? throw GraphError.Invalid("The property 'displayName' is required.")));

    public LabHttpAnswer Update(string id) => Entity(200, mailbox.UpdateFolder(GraphIds.FolderOf(mailbox, id).Id, Name()));

    public LabHttpAnswer Move(string id) => Entity(201, mailbox.UpdateFolder(
        GraphIds.FolderOf(mailbox, id).Id, parentId: GraphIds.FolderOf(mailbox, GraphDraft.Text(call.Body["destinationId"], "destinationId") ?? string.Empty).Id));

    public LabHttpAnswer Delete(string id)
    {
        mailbox.DeleteFolder(GraphIds.FolderOf(mailbox, id).Id, LabDeletion.MoveToDeletedItems);
        return new LabHttpAnswer(204);
    }

    public LabHttpAnswer DeleteForGood(string id)
    {
        mailbox.DeleteFolder(GraphIds.FolderOf(mailbox, id).Id, LabDeletion.Hard);
        return new LabHttpAnswer(204);
    }

    private LabFolder Parent(string? id) => GraphIds.FolderOf(mailbox, id ?? LabFolderNames.MsgFolderRoot);

    private string? Name() => GraphDraft.Text(call.Body["displayName"], "displayName") is { Length: > 0 } name ? name : null;

    private LabHttpAnswer Entity(int status, LabFolder folder)
    {
        var json = new JsonObject { ["@odata.context"] = call.Context("mailFolders/$entity") };
        foreach ((string name, JsonNode? value) in Pick(folder))
            json[name] = value?.DeepClone();
        return LabHttpAnswer.OfJson(status, json);
    }

    private JsonObject Show(LabFolder folder)
    {
        IReadOnlyList<LabMessage> messages = mailbox.MessagesIn(folder.Id);
        return new JsonObject
        {
            ["id"] = GraphIds.OfFolder(folder.Id),
            ["displayName"] = folder.DisplayName,
            ["parentFolderId"] = folder.ParentId is { } parent ? GraphIds.OfFolder(parent) : null,
            ["childFolderCount"] = mailbox.FoldersBelow(folder.Id).Count,
            ["unreadItemCount"] = messages.Count(m => !m.IsRead),
            ["totalItemCount"] = messages.Count,
            ["sizeInBytes"] = messages.Sum(m => (long)m.Content.Length),
            ["isHidden"] = false,
        };
    }

    private JsonObject Pick(LabFolder folder)
    {
        JsonObject json = Show(folder);
        if (call.Query.Select is not { } select)
            return json;
        foreach (string name in json.Select(p => p.Key).Where(n => n != "id" && !select.Contains(n, StringComparer.OrdinalIgnoreCase)).ToList())
            json.Remove(name);
        return json;
    }
}
