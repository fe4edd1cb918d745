using EmailRouter.Crm.Embedded;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>The tables about rights: the embedded CRM has none of them, so their rows are made when they are read. Nobody can write them.</summary>
internal static class SecurityTables
{
    private const string Privilege = "privilege";

    /// <summary>Gets the tables.</summary>
    public static IReadOnlyList<TableDefinition> Definitions { get; } =
    [
        new TableDefinition { LogicalName = Privilege, Columns = [new ColumnDefinition("name", ColumnType.Text) { MaxLength = 100, IsReadOnly = true }] },
    ];

    /// <summary>Says whether a table is one of them.</summary>
    public static bool Has(string logicalName) => logicalName == Privilege;

    /// <summary>Makes the rows of a table.</summary>
    public static IEnumerable<CrmRecord> Rows(string logicalName, RowReader rows) => LabDataversePolicy.PrivilegesOf(rows.Model.Types.Select(t => t.LogicalName))
        .Select(p => new CrmRecord(logicalName, LabDataversePolicy.IdOf(p), new Dictionary<string, object?> { ["name"] = p }) { Name = p });
}
