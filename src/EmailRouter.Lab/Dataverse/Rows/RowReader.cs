using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Reads rows by query options: filter, order, page. Simple conditions go to the store; the rest is decided over what it returns.</summary>
/// <param name="crm">The transaction.</param>
/// <param name="model">The model.</param>
/// <param name="callerId">The calling user.</param>
/// <param name="now">The time.</param>
internal sealed class RowReader(CrmUnitOfWork crm, DataverseModel model, Guid callerId, DateTimeOffset now)
{
    /// <summary>The greatest page, and the greatest count that is told.</summary>
    public const int MaxPageSize = 5000;

    private readonly Dictionary<(string Table, Guid Id), CrmRecord?> found = [];

    public CrmUnitOfWork Crm => crm;

    public DataverseModel Model => model;

    public Guid CallerId => callerId;

    public DateTimeOffset Now => now;

    /// <summary>Reads one row; rows read before are remembered.</summary>
    public CrmRecord? Find(string logicalName, Guid id)
    {
        if (!found.TryGetValue((logicalName, id), out CrmRecord? row))
            found[(logicalName, id)] = row = model.Find(logicalName) is null ? null : FindNow(logicalName, id);
        return row;
    }

    /// <summary>Reads one row as it is at this moment of the transaction.</summary>
    public CrmRecord? FindNow(string logicalName, Guid id)
    {
        if (SecurityTables.Has(logicalName))
            return SecurityTables.Rows(logicalName, this).FirstOrDefault(r => r.Id == id);
        return crm.Find(logicalName, id) switch
        {
            { } stored => DerivedMailboxes.Complete(crm, [stored], null).Single(),
            null when logicalName == DerivedMailboxes.Table => DerivedMailboxes.Rows(crm).FirstOrDefault(r => r.Id == id),
            null => null,
        };
    }

    /// <summary>Reads the rows of a table that conditions leave.</summary>
    public IEnumerable<CrmRecord> Select(EntityType type, IReadOnlyList<RecordCondition> conditions, IReadOnlyCollection<string>? columns = null)
    {
        bool Fits(CrmRecord row, IEnumerable<RecordCondition> some) =>
            some.All(c => c.Values.Any(v => FilterEvaluator.Compare(type.Column(c.Column).ValueOf(row), v) == 0));
        if (SecurityTables.Has(type.LogicalName))
            return SecurityTables.Rows(type.LogicalName, this).Where(r => Fits(r, conditions));

        // Of what is made when it is read the store knows nothing.
        RecordCondition[] known = [.. conditions.Where(c => c.Column != "defaultmailbox")];
        IEnumerable<CrmRecord> stored = DerivedMailboxes.Complete(
            crm, crm.Select(new RecordSelection(type.LogicalName) { Columns = columns, Conditions = known }), known.Length < conditions.Count ? null : columns);
        if (known.Length < conditions.Count)
            stored = stored.Where(r => Fits(r, conditions.Except(known)));
        return type.LogicalName == DerivedMailboxes.Table ? stored.Concat(DerivedMailboxes.Rows(crm).Where(r => Fits(r, conditions))) : stored;
    }

    /// <summary>Reads the rows that a navigation property leads to.</summary>
    public IEnumerable<CrmRecord> Related(Navigation navigation, CrmRecord row)
    {
        if (navigation.IsCollection)
        {
            IEnumerable<CrmRecord> related = Select(navigation.Target, [new RecordCondition(navigation.Column, [row.Id])]);

            // Several tables may share the column: only references to this one count.
            return related.Where(r => r[navigation.Column] is not RecordReference reference || reference.LogicalName == row.LogicalName).OrderBy(r => r.Id.ToString(), StringComparer.Ordinal);
        }

        return row[navigation.Column] switch
        {
            RecordReference reference when reference.LogicalName == navigation.Target.LogicalName && Find(reference.LogicalName, reference.Id) is { } related => [related],
            Guid id when Find(navigation.Target.LogicalName, id) is { } related => [related],
            _ => [],
        };
    }

    /// <summary>Reads the rows of a set that the options ask for, in order; paging is the caller's business.</summary>
    /// <param name="type">The type.</param>
    /// <param name="options">The options.</param>
    /// <param name="within">The rows to choose from; null for all of the set.</param>
    /// <param name="columns">The columns to read; null for all.</param>
    /// <returns>The rows.</returns>
    public List<CrmRecord> Query(EntityType type, QueryOptions options, IEnumerable<CrmRecord>? within = null, IReadOnlyCollection<string>? columns = null)
    {
        if (options.Filter is { } filter)
        {
            FilterEvaluator.Check(filter, type);
            within ??= Select(type, [.. Pushed(filter, type)], columns);
            var evaluator = new FilterEvaluator(this);
            within = within.Where(r => evaluator.Fits(filter, type, r));
        }

        within ??= Select(type, [], columns);
        return Order(type, options, within);
    }

    /// <summary>Gets the columns that a query needs: those asked for, those it filters and orders by, and the references it follows. Null for all.</summary>
    public static IReadOnlyCollection<string>? ColumnsOf(EntityType type, QueryOptions options)
    {
        if (options.Select is not { } select || select.Contains("*"))
            return null;
        IEnumerable<string> names = select.Concat(options.OrderBy.Select(o => o.Path[0])).Concat(options.Filter is { } filter ? FilterEvaluator.PropertiesOf(filter) : []);
        var columns = new HashSet<string>(StringComparer.Ordinal);
        if (type.FindProperty("versionnumber") is not null)
            columns.Add("versionnumber");
        foreach (string name in names)
        {
            if (type.FindProperty(name)?.Column is { } column)
                columns.Add(column.Name);
            else if (type.FindNavigation(name) is { IsCollection: false } navigation)
                columns.Add(navigation.Column);
        }

        foreach (ExpandItem item in options.Expand)
        {
            if (type.FindNavigation(item.Name) is { IsCollection: false } navigation)
                columns.Add(navigation.Column);
        }

        return columns;
    }

    /// <summary>Gives the words that people read for a value: options, switches, times, names.</summary>
    public string? Format(EntityProperty property, CrmRecord row)
    {
        object? value = property.Column is null ? null : row[property.Column.Name];
        return value switch
        {
            RecordReference reference => reference.Name ?? Find(reference.LogicalName, reference.Id)?.Name,
            Guid id when property.IsLookup => Find(property.Column!.Targets[0], id)?.Name,
            int number => Labels.Of(row.LogicalName, property.Column!, number),
            bool flag => Labels.Of(property.Column!, flag),
            DateTimeOffset time => time.ToString("M/d/yyyy h:mm tt", System.Globalization.CultureInfo.InvariantCulture),
            _ => null,
        };
    }

    private List<CrmRecord> Order(EntityType type, QueryOptions options, IEnumerable<CrmRecord> rows)
    {
        IOrderedEnumerable<CrmRecord>? ordered = null;
        foreach ((IReadOnlyList<string> path, bool descending) in options.OrderBy)
        {
            FilterEvaluator.Check(new FilterNode.Path(path), type);
            object? ValueOf(CrmRecord row)
            {
                (EntityType current, CrmRecord at) = (type, row);
                foreach (string step in path.SkipLast(1))
                {
                    Navigation navigation = current.FindNavigation(step)!;
                    if (Related(navigation, at).FirstOrDefault() is not { } next)
                        return null;
                    (current, at) = (navigation.Target, next);
                }

                return current.Property(path[^1]).ValueOf(at);
            }

            var comparer = Comparer<object?>.Create(FilterEvaluator.Compare);
            ordered = (ordered, descending) switch
            {
                (null, false) => rows.OrderBy(ValueOf, comparer),
                (null, true) => rows.OrderByDescending(ValueOf, comparer),
                (_, false) => ordered.ThenBy(ValueOf, comparer),
                _ => ordered.ThenByDescending(ValueOf, comparer),
            };
        }

        // The order is total, so that pages neither overlap nor leave gaps.
        return ordered is null ? [.. rows.OrderBy(r => r.Id)] : [.. ordered.ThenBy(r => r.Id)];
    }

    /// <summary>Finds the conditions that the store can check: equality of columns, joined by <c>and</c>.</summary>
    private static IEnumerable<RecordCondition> Pushed(FilterNode filter, EntityType type)
    {
        switch (filter)
        {
            case FilterNode.Logical { IsAnd: true } both:
                return Pushed(both.Left, type).Concat(Pushed(both.Right, type));
            case FilterNode.Comparison { Operator: "eq", Left: FilterNode.Path { Steps: [var name] }, Right: FilterNode.Literal literal } when type.FindProperty(name) is { } property:
                return Condition(type, property, [literal.Value]);
            case FilterNode.CrmFunction { Name: "In" } function when function.Arguments.GetValueOrDefault("PropertyName") is string name && type.FindProperty(name) is { } property &&
                function.Arguments.GetValueOrDefault("PropertyValues") is List<object?> values:
                return Condition(type, property, values.ConvertAll(v => v is string s && property.Kind != EdmKind.String && ODataLiteral.TryParse(s, out object? typed) ? typed : v));
            default:
                return [];
        }
    }

    private static IEnumerable<RecordCondition> Condition(EntityType type, EntityProperty property, List<object?> values)
    {
        string? column = property.IsKey ? type.Key : property.Column?.Name;
        bool isExact = values.TrueForAll(v => v switch
        {
            null => true,
            string text => property.Kind == EdmKind.String && text.All(char.IsAscii),
            Guid => property.Kind == EdmKind.Guid,
            bool => property.Kind == EdmKind.Boolean,
            long number => property.Kind == EdmKind.Int32 && number is >= int.MinValue and <= int.MaxValue,
            _ => false,
        });
        return column is not null && isExact ? [new RecordCondition(column, values)] : [];
    }
}
