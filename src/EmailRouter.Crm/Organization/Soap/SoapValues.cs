namespace EmailRouter.Crm.Organization.Soap;

/// <summary>A choice (OptionSetValue).</summary>
/// <param name="Value">Its number.</param>
internal sealed record OptionSetValue(int Value);

/// <summary>A row as it is sent (Entity).</summary>
/// <param name="LogicalName">Its table.</param>
/// <param name="Id">Its id; null for none yet.</param>
internal sealed record SoapEntity(string LogicalName, Guid? Id = null)
{
    /// <summary>Gets the columns; null empties one. An <see cref="EmailAttachment"/> stands for its content in base64.</summary>
    public Dictionary<string, object?> Attributes { get; } = [];
}

/// <summary>Rows as they are sent (EntityCollection).</summary>
/// <param name="LogicalName">Their table.</param>
/// <param name="Entities">The rows.</param>
internal sealed record SoapEntities(string LogicalName, IReadOnlyList<SoapEntity> Entities);

/// <summary>A query in FetchXML (FetchExpression).</summary>
/// <param name="Query">The FetchXML.</param>
internal sealed record FetchExpression(string Query);

/// <summary>A query for emails by their ids (QueryExpression), for messages that take no FetchXML.</summary>
/// <param name="Columns">The columns.</param>
/// <param name="Ids">The ids.</param>
internal sealed record EmailsById(IReadOnlyList<string> Columns, IReadOnlyList<Guid> Ids);

/// <summary>Columns to read (ColumnSet).</summary>
/// <param name="Columns">The columns.</param>
internal sealed record ColumnSet(params string[] Columns);

/// <summary>What is read of a table's definition (EntityFilters).</summary>
/// <param name="Value">E.g. <c>Attributes</c>.</param>
internal sealed record EntityFilters(string Value);
