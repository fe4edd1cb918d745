using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Rows;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Model;

/// <summary>The tables of the embedded CRM as the Web API shows them: entity sets, properties, navigation properties.</summary>
internal sealed class DataverseModel
{
    private readonly Dictionary<string, EntityType> byName;
    private readonly Dictionary<string, EntityType> bySet;

    /// <summary>Makes a model.</summary>
    /// <param name="tables">All tables.</param>
    public DataverseModel(IReadOnlyList<TableDefinition> tables)
    {
        byName = tables.Concat(SecurityTables.Definitions).Select(t => new EntityType(t)).ToDictionary(t => t.LogicalName);
        bySet = byName.Values.ToDictionary(t => t.SetName);
        foreach (EntityType type in byName.Values)
            type.AddNavigations(name => byName.GetValueOrDefault(name));
    }

    /// <summary>Gets the entity types in the order of their names.</summary>
    public IEnumerable<EntityType> Types => byName.Values.OrderBy(t => t.LogicalName, StringComparer.Ordinal);

    /// <summary>Gets the type of a table.</summary>
    public EntityType Of(string logicalName) => byName[logicalName];

    /// <summary>Finds the type of a table.</summary>
    public EntityType? Find(string logicalName) => byName.GetValueOrDefault(logicalName);

    /// <summary>Finds the type of an entity set. Every activity of the lab is an email.</summary>
    public EntityType? FindSet(string setName) => bySet.GetValueOrDefault(setName == "activitypointers" ? "emails" : setName);

    /// <summary>Gets the type of an entity set.</summary>
    public EntityType Set(string setName) => FindSet(setName) ?? throw ODataException.NoSegment(setName);
}
