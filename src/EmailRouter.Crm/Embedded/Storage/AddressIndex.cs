using EmailRouter.Sqlite;

namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>The look-up of records by address over every address column of every email-enabled table (the EmailSearch idea of the original product).</summary>
internal static class AddressIndex
{
    // One more than the hundred above which an address is left unresolved.
    private const int MaxOwners = 101;

    /// <summary>Makes the form of an address in which it is looked up.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The form; empty for none.</returns>
    public static string Normalize(string? address) => address is null ? string.Empty : address.Trim().ToLowerInvariant();

    /// <summary>Finds the records that carry an address, active ones first.</summary>
    /// <param name="session">The connection.</param>
    /// <param name="address">The address.</param>
    /// <returns>The records, at most 101.</returns>
    public static IReadOnlyList<AddressOwner> Find(SqliteSession session, string address) => session.Query(
        """
        SELECT parentobjecttypecode, parentobjectid, name, isactive, ownerid, emailcolumn, donotemail FROM emailsearch WHERE emailaddress = @address
        ORDER BY isactive DESC LIMIT @max
        """,
        row => new AddressOwner
        {
            Record = new RecordReference(row.GetString(0), row.Guid(1), row.TextOrNull(2)),
            IsActive = row.Flag(3),
            OwnerId = row.GuidOrNull(4),
            Column = row.GetString(5),
            DoNotEmail = row.Flag(6),
        },
        ("address", Normalize(address)),
        ("max", MaxOwners));
}
