namespace EmailRouter.Crm.Embedded;

/// <summary>What changes about how the email of a user, a queue or a forward mailbox is handled. What is null stays as it is.</summary>
public sealed record MailboxChange
{
    /// <summary>Gets <c>emailrouteraccessapproval</c>.</summary>
    public AccessApproval? Approval { get; init; }

    /// <summary>Gets <c>incomingemaildeliverymethod</c>.</summary>
    public DeliveryMethod? IncomingDelivery { get; init; }

    /// <summary>Gets <c>outgoingemaildeliverymethod</c>.</summary>
    public DeliveryMethod? OutgoingDelivery { get; init; }

    /// <summary>Gets <c>incomingemailfilteringmethod</c>.</summary>
    public FilteringMethod? Filter { get; init; }

    /// <summary>Gets <c>usersettings.autocreatecontactonpromote</c>; users only.</summary>
    public AutoCreate? AutoCreate { get; init; }

    /// <summary>Gets <c>usersettings.issendasallowed</c>; users only.</summary>
    public bool? IsSendAsAllowed { get; init; }

    internal Dictionary<string, object?> ToAttributes()
    {
        var attributes = new Dictionary<string, object?>();
        void Add(string column, object? value)
        {
            if (value is not null)
                attributes[column] = value;
        }

        Add("emailrouteraccessapproval", Approval);
        Add("incomingemaildeliverymethod", IncomingDelivery);
        Add("outgoingemaildeliverymethod", OutgoingDelivery);
        Add("incomingemailfilteringmethod", Filter);
        Add("autocreatecontactonpromote", AutoCreate);
        Add("issendasallowed", IsSendAsAllowed);
        return attributes;
    }
}
