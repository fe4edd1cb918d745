using System.Globalization;
using System.Text;
using EmailRouter.Mail.Files;

namespace EmailRouter.Mail.Pickup;

/// <summary>One open pick-up folder. A message's id is its file's name, size and time: a new file under an old name is another message.</summary>
internal sealed class PickupFolderSession(string folder, TimeSpan quiet, MailContext context) : FileMailboxSession(folder, context)
{
    private const string Extension = ".eml";

    /// <summary>A file that seems to be written further in the future than any clock errs is taken as it is, or it would wait for ever.</summary>
    private static readonly TimeSpan LargestClockError = TimeSpan.FromDays(1);

    /// <summary>Files younger than this are tried for whether their writer still holds them open.</summary>
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(10);

    /// <inheritdoc/>
    public override SettlementKinds Settlements => SettlementKinds.Keep | SettlementKinds.Delete | SettlementKinds.Move;

    /// <inheritdoc/>
    protected override string Kind => "a pick-up folder";

    /// <inheritdoc/>
    public override async ValueTask<bool> WaitForMailAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        bool seen = await FolderWatch.WaitAsync(Folder, "*" + Extension, atMost, Context.Clock, cancellationToken).ConfigureAwait(false);

        // Before its quiet time is over the file would be left alone.
        if (seen && quiet > TimeSpan.Zero)
            await Task.Delay(quiet, Context.Clock, cancellationToken).ConfigureAwait(false);
        return seen;
    }

    /// <inheritdoc/>
    protected override List<MessageFile> List() =>
    [
        .. MessageFile.List(Folder, IdOf).Where(IsComplete).OrderBy(f => f.ModifiedOn).ThenBy(f => f.Id, StringComparer.Ordinal),
    ];

    /// <inheritdoc/>
    protected override MessageFile? Locate(MessageFile file) => file;

    /// <inheritdoc/>
    protected override bool IsStillThat(MessageFile file) => file.IsUnchanged();

    /// <inheritdoc/>
    protected override void Settle(MessageFile file, Settlement how)
    {
        string? target = how.Kind == SettlementKinds.Move ? MakeTarget(how.Folder ?? string.Empty) : null;

        // A file that was replaced meanwhile is another message, which nobody has read yet.
        if (!file.IsUnchanged())
            return;
        if (target is null)
        {
            File.Delete(file.Path);
            return;
        }

        string name = Path.GetFileNameWithoutExtension(file.Path);
        string extension = Path.GetExtension(file.Path);
        MoveTarget.Move(file.Path, attempt => Path.Combine(target, attempt == 1 ? name + extension : string.Create(CultureInfo.InvariantCulture, $"{name}-{attempt}{extension}")));
    }

    private static string? IdOf(string name, long length, DateTimeOffset modified)
    {
        if (!name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
            return null;
        var id = new StringBuilder(name.Length + 32);
        foreach (char c in name)
        {
            // Ids are shown and typed.
            if (char.IsControl(c) || c == '%')
                id.Append(CultureInfo.InvariantCulture, $"%{(int)c:X2}");
            else
                id.Append(c);
        }

        return id.Append(CultureInfo.InvariantCulture, $":{length}:{modified.UtcTicks:x}").ToString();
    }

    private bool IsComplete(MessageFile file)
    {
        TimeSpan age = Context.Clock.GetUtcNow() - file.ModifiedOn;
        if (age < quiet && age > -LargestClockError)
            return false;
        if (age.Duration() > Young)
            return true;
        try
        {
            file.Open(FileShare.Read | FileShare.Delete).Dispose();
            return true;
        }
        catch (IOException)
        {
            // Gone, or still held by its writer: the next listing tells.
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return true;        // listed all the same, so that the error names it
        }
    }

    private string MakeTarget(string name)
    {
        string[] segments = name.Split(['/', '\\'], StringSplitOptions.TrimEntries);
        if (Path.IsPathRooted(name) || !Array.TrueForAll(segments, MoveTarget.IsName))
            throw FileErrors.Outside(name, Folder, "that is no name of a sub-folder");
        return MoveTarget.Make(Folder, segments, name);
    }
}
