using System.Collections.Concurrent;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Graph;

/// <summary>Exchange Online by Microsoft Graph (v1.0).</summary>
/// <remarks>
/// A profile needs no address; <see cref="MailEndpoint.Url"/> names that of a national cloud. The credential is a token: of an application with permissions
/// (client secret, certificate, managed identity), or of a user who signed in. Options of a profile, all optional:
/// <list type="bullet">
/// <item><c>access</c>: <c>user</c> (default) reaches the mailbox by its address, which works for applications, and for users in their own mailbox and in those shared with
/// them; <c>me</c> reaches the mailbox of whoever signed in, whatever its address.</item>
/// <item><c>folders</c>: the folders to read, separated by semicolons: well-known names (<c>inbox</c>, <c>archive</c>, …) or paths (<c>Inbox/CRM</c>). Defaults to
/// <c>inbox</c>.</item>
/// <item><c>permanentDelete</c>: <c>true</c> to have the settlement Delete remove messages for good; otherwise they go to Deleted Items.</item>
/// <item><c>pageSize</c>: how many messages a page of a listing holds, 1 to 1000. Defaults to 100.</item>
/// <item><c>sendMode</c>: <c>draft</c> (default) or <c>direct</c>; see <see cref="OpenSenderAsync"/>.</item>
/// </list>
/// All sessions and senders of one instance share the requests that a mailbox may have under way at once, so a process keeps one instance.
/// </remarks>
public sealed class GraphSystem : IMailSystem
{
    private readonly ConcurrentDictionary<string, GraphGate> gates = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Gets the randomness of waits, from 0 up to 1. Defaults to the system's.</summary>
    public Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <inheritdoc/>
    public string Name => "Graph";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Mailbox | MailDoors.Sender | MailDoors.Rules;

    /// <inheritdoc/>
    public bool FindsServer => true;

    /// <inheritdoc/>
    public string TokenScope(MailEndpoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return GraphService.ScopeOf(endpoint);
    }

    /// <inheritdoc/>
    public async ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        GraphClient client = Connect(endpoint, login, context);
        try
        {
            var folders = new GraphFolders(client);
            IReadOnlyList<GraphFolder> chosen = await MailSteps.RunAsync(
                context,
                MailStep.OpenMailbox,
                async () =>
                {
                    var found = new List<GraphFolder>();
                    foreach (string name in client.Options.Folders)
                        found.Add(await folders.FindAsync(name, create: false, MailStep.OpenMailbox, cancellationToken).ConfigureAwait(false));
                    string shown = await ProveAsync(client, folders, found[0], cancellationToken).ConfigureAwait(false);
                    return ((IReadOnlyList<GraphFolder>)found, shown);
                }).ConfigureAwait(false);
            return new GraphSession(client, folders, [.. chosen.DistinctBy(f => f.Key)]);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// By default a draft is made and then sent, which needs the permissions Mail.ReadWrite and Mail.Send; with <c>sendMode</c> = <c>direct</c> messages up to 3 MB need Mail.Send
    /// alone, and an answer that is lost on the way leaves more often in doubt whether the message was sent. The service sends to everybody in To and Cc, so a message that
    /// names others there than its recipients is rejected; recipients that are not named get a Bcc header. It chooses the envelope sender and the notifications itself,
    /// and always keeps a copy in Sent Items.
    /// </remarks>
    public async ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        GraphClient client = Connect(endpoint, login, context);
        try
        {
            // Sending alone proves nothing before it is done; whoever watches the steps wants to know, and drafts need this permission anyway.
            if (context.Steps is not null && !client.Options.SendDirectly)
            {
                await MailSteps.RunAsync(
                    context,
                    MailStep.OpenMailbox,
                    async () => (true, await ProveAsync(client, new GraphFolders(client), new GraphFolder("drafts", "drafts"), cancellationToken).ConfigureAwait(false))).ConfigureAwait(false);
            }

            return new GraphSender(client);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IInboxRules> OpenRulesAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<IInboxRules>(new GraphRules(Connect(endpoint, login, context)));
    }

    /// <summary>Looks at a folder: so the token, the permission and the mailbox are known to be right, or which of them is not.</summary>
    private static async ValueTask<string> ProveAsync(GraphClient client, GraphFolders folders, GraphFolder folder, CancellationToken cancellationToken)
    {
        var request = new GraphRequest { Step = MailStep.OpenMailbox, What = "open folder", Path = folders.PathOf(folder.Key) + "?$select=id,displayName,totalItemCount" };
        try
        {
            return await client.GetAsync(
                request,
                body => $"{GraphJson.Text(body, "displayName") ?? folder.Name}, {GraphJson.Number(body, "totalItemCount")?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"} messages",
                cancellationToken).ConfigureAwait(false);
        }
        catch (GraphRefusedException e) when (e.Fault is GraphFault.ItemGone)
        {
            throw new MailCommandException(
                "MailFolderNotFound", MailStep.OpenMailbox, $"{client.Where("open folder")}: \"{folder.Name}\" is not there: {e.Error}", GraphErrorCodes.Describe(GraphFault.FolderMissing, MailStep.OpenMailbox).Remedy, e)
            {
                Reply = e.Reply,
                Conversation = client.Conversation,
            };
        }
    }

    private GraphClient Connect(MailEndpoint endpoint, MailLogin login, MailContext context)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        GraphOptions options = GraphOptions.Read(endpoint);
        if (login.Credential is not TokenCredential)
        {
            throw new MailAuthenticationException(
                "MailNoMechanism",
                $"The mailbox {login.Mailbox} cannot be opened by Graph with this credential: the service takes only access tokens.",
                "Give the profile a credential that gets tokens: an application with secret or certificate, a managed identity, or the sign-in of a user.");
        }

        string mailbox = $"{GraphService.BaseOf(endpoint)} {login.Mailbox.Trim()}";
        return new GraphClient(endpoint, login, options, context, gates.GetOrAdd(mailbox, _ => new GraphGate()), Random);
    }
}
