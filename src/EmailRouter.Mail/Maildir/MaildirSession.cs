using System.Globalization;
using EmailRouter.Mail.Files;

namespace EmailRouter.Mail.Maildir;

/// <summary>
/// One open Maildir. A message's id is its unique name. Listing and fetching change nothing, so that other programs still see new messages as new; only a
/// settlement moves a message.
/// </summary>
internal sealed class MaildirSession(string folder, MailContext context) : FileMailboxSession(folder, context)
{
    private const string New = "new";
    private const string Current = "cur";

    /// <summary>Where the messages lay when somebody last looked: other programs rename them at any time.</summary>
    private Dictionary<string, MessageFile> places = [];

    /// <inheritdoc/>
    public override SettlementKinds Settlements => SettlementKinds.Keep | SettlementKinds.MarkRead | SettlementKinds.Delete | SettlementKinds.Move;

    /// <inheritdoc/>
    protected override string Kind => "a Maildir";

    /// <inheritdoc/>
    public override ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken) =>
        FolderWatch.WaitAsync(Path.Combine(Folder, New), "*", atMost, Context.Clock, cancellationToken);

    /// <inheritdoc/>
    protected override List<MessageFile> List()
    {
        places = Look();
        return
        [
            .. places.Values
                .Where(f => !MaildirName.Parse(Path.GetFileName(f.Path)).IsDraftOrTrashed)
                .OrderBy(f => f.ModifiedOn)
                .ThenBy(f => f.Id, StringComparer.Ordinal),
        ];
    }

    /// <inheritdoc/>
    protected override MessageFile? Locate(MessageFile file)
    {
        if (places.TryGetValue(file.Id, out MessageFile? place) && File.Exists(place.Path))
            return place;
        places = Look();
        return places.GetValueOrDefault(file.Id);
    }

    /// <inheritdoc/>
    protected override bool IsStillThat(MessageFile file) => true;      // a message in a Maildir never changes under its name

    /// <inheritdoc/>
    protected override void Settle(MessageFile file, Settlement how)
    {
        MaildirFolder? target = how.Kind == SettlementKinds.Move ? MaildirFolder.Make(Folder, how.Folder ?? string.Empty) : null;
        for (int attempt = 1; Locate(file) is { } found; attempt++)
        {
            try
            {
                SettleFound(found, how.Kind, target);
                return;
            }
            catch (IOException e) when (FileErrors.IsMissing(e) && attempt < 10)
            {
                // Another program gave it other flags in this very moment; it is looked for again.
                places.Remove(file.Id);
            }
        }
    }

    private static bool IsNew(MessageFile file) => Path.GetFileName(Path.GetDirectoryName(file.Path)) == New;

    private void SettleFound(MessageFile file, SettlementKinds kind, MaildirFolder? target)
    {
        string fileName = Path.GetFileName(file.Path);
        MaildirName name = MaildirName.Parse(fileName);
        switch (kind)
        {
            case SettlementKinds.MarkRead:
                string read = Path.Combine(Folder, Current, name.With('S').ToString());
                if (read != file.Path)
                {
                    File.Move(file.Path, read, overwrite: false);
                    places[file.Id] = file with { Path = read };
                }

                break;
            case SettlementKinds.Move:
                string place = Path.Combine(target!.Path, IsNew(file) ? New : Current);

                // Two messages of one unique name are still two.
                MoveTarget.Move(file.Path, attempt => Path.Combine(
                    place,
                    attempt == 1 ? fileName : fileName.Replace(name.Unique, string.Create(CultureInfo.InvariantCulture, $"{name.Unique}_{attempt}"), StringComparison.Ordinal)));
                break;
            default:
                File.Delete(file.Path);
                break;
        }

        if (kind != SettlementKinds.MarkRead)
            places.Remove(file.Id);
    }

    private Dictionary<string, MessageFile> Look()
    {
        var found = new Dictionary<string, MessageFile>();

        // First new, then cur: a message that moves between the two looks is seen twice rather than not at all, and the later place is the right one.
        foreach (string part in (string[])[New, Current])
        {
            foreach (MessageFile file in MessageFile.List(Path.Combine(Folder, part), static (name, _, _) => MaildirName.Parse(name).Unique))
                found[file.Id] = file;
        }

        return found;
    }
}
