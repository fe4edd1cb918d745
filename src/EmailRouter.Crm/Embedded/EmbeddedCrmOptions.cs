namespace EmailRouter.Crm.Embedded;

/// <summary>Where an embedded CRM lives, and what it takes from outside.</summary>
public sealed record EmbeddedCrmOptions
{
    /// <summary>Gets the path of the SQLite file; null for a CRM in memory that is gone when it is closed.</summary>
    public string? Path { get; init; }

    /// <summary>Gets a value indicating whether a missing file is created. Defaults to true.</summary>
    public bool Create { get; init; } = true;

    /// <summary>Gets the organization's name when the CRM is created; an existing CRM keeps its own. Defaults to <c>Organization</c>.</summary>
    public string OrganizationName { get; init; } = "Organization";

    /// <summary>Gets the clock. Defaults to the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Gets the source of new ids, for tests that want the same ones every time; null for random ids.</summary>
    public Random? Random { get; init; }

    /// <summary>Gets how long to wait for the lock of another process. Defaults to 10 seconds.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets the greatest size of the file in bytes, at which writes fail with <c>CrmStoreFull</c>; null for none. Defaults to null.</summary>
    public long? MaxSize { get; init; }

    /// <summary>
    /// Gets what makes a text of strangers safe to show, given its HTML: it fills <see cref="EmailActivity.SafeDescription"/>. Null leaves that empty, because the CRM
    /// side knows no HTML.
    /// </summary>
    public Func<string, string>? MakeSafe { get; init; }
}
