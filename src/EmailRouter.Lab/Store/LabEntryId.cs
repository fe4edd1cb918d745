using System.Globalization;

namespace EmailRouter.Lab.Store;

/// <summary>The form of the ids that change with a message's place, and of change keys.</summary>
internal static class LabEntryId
{
    internal static string Of(string id, long place) => string.Create(CultureInfo.InvariantCulture, $"{id}-{place:x}");

    internal static string ChangeKey(long version) => version.ToString("x8", CultureInfo.InvariantCulture);

    /// <summary>Gets the immutable part of an entry id; the whole text when it has no place.</summary>
    internal static string IdOf(string entryId) => entryId.IndexOf('-', StringComparison.Ordinal) is > 0 and int at ? entryId[..at] : entryId;
}
