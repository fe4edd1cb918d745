namespace EmailRouter.Routing.Configuration;

/// <summary>
/// The changes an administrator makes to a configuration: they keep names unique and leave no reference dangling. Whether the values make sense is
/// <see cref="ConfigurationValidator"/>'s to say, which <see cref="ConfigurationStore.UpdateAsync"/> asks.
/// </summary>
public static class ConfigurationEdits
{
    /// <summary>Adds a deployment.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="deployment">The deployment.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The name is taken.</exception>
    public static RouterConfiguration AddDeployment(this RouterConfiguration configuration, DeploymentConfiguration deployment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(deployment);
        if (configuration.FindDeployment(deployment.Name) is { } existing)
        {
            throw Refused("RouterDeploymentExists", $"There is a deployment '{existing.Name}' already.",
                "Change it with Set-RouterDeployment, or choose another name.");
        }

        return configuration with { Deployments = [.. configuration.Deployments, deployment] };
    }

    /// <summary>Changes a deployment.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="name">The deployment's name.</param>
    /// <param name="change">Makes the new deployment of the old; the name stays.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The deployment does not exist.</exception>
    public static RouterConfiguration ChangeDeployment(
        this RouterConfiguration configuration, string name, Func<DeploymentConfiguration, DeploymentConfiguration> change)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(change);
        DeploymentConfiguration old = configuration.RequireDeployment(name);
        DeploymentConfiguration changed = change(old) with { Name = old.Name };
        return configuration with { Deployments = [.. configuration.Deployments.Select(one => ReferenceEquals(one, old) ? changed : one)] };
    }

    /// <summary>Removes a deployment. Its CRM and the decisions about its mail stay.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="name">The deployment's name.</param>
    /// <param name="withMailboxes">Whether the settings of its mailboxes go with it; without that they keep it.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The deployment does not exist, or mailboxes have settings for it.</exception>
    public static RouterConfiguration RemoveDeployment(this RouterConfiguration configuration, string name, bool withMailboxes)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        DeploymentConfiguration old = configuration.RequireDeployment(name);
        int mailboxes = configuration.Mailboxes.Count(mailbox => Same(mailbox.Deployment, old.Name));
        if (mailboxes > 0 && !withMailboxes)
        {
            throw Refused("RouterDeploymentInUse", $"The deployment '{old.Name}' has settings for {mailboxes} mailbox(es).",
                "Use -Force to remove these settings with it.");
        }

        return configuration with
        {
            Deployments = [.. configuration.Deployments.Where(one => !ReferenceEquals(one, old))],
            Mailboxes = [.. configuration.Mailboxes.Where(mailbox => !Same(mailbox.Deployment, old.Name))],
        };
    }

    /// <summary>Adds a profile.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="profile">The profile.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The name is taken.</exception>
    public static RouterConfiguration AddProfile(this RouterConfiguration configuration, ProfileConfiguration profile)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(profile);
        if (configuration.FindProfile(profile.Name) is { } existing)
        {
            throw Refused("RouterProfileExists", $"There is a profile '{existing.Name}' already.", "Change it with Set-RouterProfile, or choose another name.");
        }

        return configuration with { Profiles = [.. configuration.Profiles, profile] };
    }

    /// <summary>Changes a profile.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="name">The profile's name.</param>
    /// <param name="change">Makes the new profile of the old; name and direction stay.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The profile does not exist.</exception>
    public static RouterConfiguration ChangeProfile(
        this RouterConfiguration configuration, string name, Func<ProfileConfiguration, ProfileConfiguration> change)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(change);
        ProfileConfiguration old = configuration.FindProfile(name) ?? throw ProfileNotFound(name);
        ProfileConfiguration changed = change(old) with { Name = old.Name, Direction = old.Direction };
        return configuration with { Profiles = [.. configuration.Profiles.Select(one => ReferenceEquals(one, old) ? changed : one)] };
    }

    /// <summary>Removes a profile.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="name">The profile's name.</param>
    /// <param name="fromUsers">Whether deployments and mailboxes that use it are left without one; without that they keep it.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The profile does not exist, or is used.</exception>
    public static RouterConfiguration RemoveProfile(this RouterConfiguration configuration, string name, bool fromUsers)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ProfileConfiguration old = configuration.FindProfile(name) ?? throw ProfileNotFound(name);
        string[] users =
        [
            .. configuration.Deployments.Where(one => IsUsed(one.IncomingProfile, one.OutgoingProfile, one.RulesProfile)).Select(one => $"deployment '{one.Name}'"),
            .. configuration.Mailboxes.Where(one => IsUsed(one.IncomingProfile, one.OutgoingProfile, one.RulesProfile)).Select(one => $"mailbox {one.Address}"),
        ];
        if (users.Length > 0 && !fromUsers)
        {
            string named = string.Join(", ", users.Take(3)) + (users.Length > 3 ? $" and {users.Length - 3} more" : string.Empty);
            throw Refused("RouterProfileInUse", $"The profile '{old.Name}' is used by {named}.",
                "Assign another profile there first, or use -Force to leave them without one.");
        }

        return configuration with
        {
            Profiles = [.. configuration.Profiles.Where(one => !ReferenceEquals(one, old))],
            Deployments = [.. configuration.Deployments.Select(one =>
                one with { IncomingProfile = Without(one.IncomingProfile), OutgoingProfile = Without(one.OutgoingProfile), RulesProfile = Without(one.RulesProfile) })],
            Mailboxes = [.. configuration.Mailboxes.Select(one =>
                one with { IncomingProfile = Without(one.IncomingProfile), OutgoingProfile = Without(one.OutgoingProfile), RulesProfile = Without(one.RulesProfile) })],
        };

        bool IsUsed(params string?[] names) => names.Any(name => Same(name, old.Name));

        string? Without(string? profile) => Same(profile, old.Name) ? null : profile;
    }

    /// <summary>Changes what is set for a mailbox; one without settings gets them.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="deployment">The deployment's name.</param>
    /// <param name="address">The mailbox's address.</param>
    /// <param name="change">Makes the new settings of the old; deployment and address stay.</param>
    /// <returns>The changed configuration.</returns>
    /// <exception cref="RouterException">The deployment does not exist.</exception>
    public static RouterConfiguration ChangeMailbox(
        this RouterConfiguration configuration, string deployment, string address, Func<MailboxConfiguration, MailboxConfiguration> change)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(change);
        string deploymentName = configuration.RequireDeployment(deployment).Name;
        MailboxConfiguration? old = configuration.Mailboxes.FirstOrDefault(one => Same(one.Deployment, deployment) && Same(one.Address, address));
        MailboxConfiguration changed = change(old ?? new MailboxConfiguration { Deployment = deploymentName, Address = address });
        changed = changed with { Deployment = deploymentName, Address = old?.Address ?? address };
        return configuration with
        {
            Mailboxes = old is null ? [.. configuration.Mailboxes, changed]
                : [.. configuration.Mailboxes.Select(one => ReferenceEquals(one, old) ? changed : one)],
        };
    }

    private static DeploymentConfiguration? FindDeployment(this RouterConfiguration configuration, string name) =>
        configuration.Deployments.FirstOrDefault(deployment => Same(deployment.Name, name));

    private static ProfileConfiguration? FindProfile(this RouterConfiguration configuration, string name) =>
        configuration.Profiles.FirstOrDefault(profile => Same(profile.Name, name));

    private static DeploymentConfiguration RequireDeployment(this RouterConfiguration configuration, string name) => configuration.FindDeployment(name)
        ?? throw Refused("RouterDeploymentNotFound", $"There is no deployment '{name}'.",
            "List the deployments with Get-RouterDeployment, or make one with New-RouterDeployment.");

    private static RouterException ProfileNotFound(string name) =>
        Refused("RouterProfileNotFound", $"There is no profile '{name}'.", "List the profiles with Get-RouterProfile, or make one with New-RouterProfile.");

    private static RouterException Refused(string id, string message, string remedy) =>
        new(new RouterError(id, "Configuration", message, remedy, IsTransient: false));

    private static bool Same(string? one, string? other) => string.Equals(one, other, StringComparison.OrdinalIgnoreCase);
}
