namespace EmailRouter.Crm.Dataverse.WebApi;

/// <summary>Where an organization's Web API is.</summary>
/// <param name="Root">Its root with the version, and a slash at its end.</param>
/// <param name="ApiVersion">The version in the address, e.g. 9.2.</param>
/// <param name="ServerVersion">The server's own version, e.g. <c>9.2.24032.165</c>.</param>
internal sealed record WebApiSite(Uri Root, Version ApiVersion, string ServerVersion)
{
    /// <summary>Gets a value indicating whether the server takes large attachments in blocks: online, and not before 9.2.</summary>
    public bool TakesBlocks => ApiVersion >= new Version(9, 2);
}
