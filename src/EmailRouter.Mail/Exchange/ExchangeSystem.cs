using EmailRouter.Mail.Exchange.Autodiscover;
using EmailRouter.Mail.Exchange.Soap;
using EmailRouter.Mail.Net;

namespace EmailRouter.Mail.Exchange;

/// <summary>Mailboxes of Exchange Server 2010 SP1 to Subscription Edition, by Exchange Web Services. Exchange Online is reached with the system Graph.</summary>
/// <remarks>
/// A profile gives the service's address (<see cref="MailEndpoint.Url"/>), or its host (then <c>https://HOST/EWS/Exchange.asmx</c>), or neither: then Autodiscover finds it by the mailbox's address,
/// which is remembered for some hours. Log-in is by Negotiate or NTLM, by Basic where the server offers it, or by a token. Options, all optional:
/// <list type="bullet">
/// <item><c>access</c>: <c>own</c> where the mailbox is the account's own, <c>impersonation</c> where the account has the role ApplicationImpersonation, <c>delegate</c> where it has Full Access.
/// Defaults to <c>own</c> when the user name is the mailbox's address, otherwise to <c>impersonation</c>. With <c>own</c> a sender sends through the account's mailbox, and needs
/// Send As or Send on Behalf for other addresses.</item>
/// <item><c>folders</c>: the folders to read, separated by semicolons. Defaults to <c>Inbox</c>. Paths begin at the top of the mailbox, with <c>/</c> between the parts: <c>Inbox/CRM;Archive</c>.
/// <c>Inbox</c>, <c>SentItems</c>, <c>DeletedItems</c>, <c>Drafts</c>, <c>Outbox</c> and <c>JunkEmail</c> are known in every language. Targets of moves are written the same way, and are made
/// when missing.</item>
/// <item><c>version</c>: the version of the schema, e.g. <c>Exchange2010_SP2</c>. Left away, the newest is tried first and what the server takes is remembered.</item>
/// <item><c>saveSentCopy</c>: <c>false</c> to keep no copy of sent messages. Defaults to true: the copy also tells, after a broken connection, whether a message was sent.</item>
/// <item><c>sendAs</c>: <c>author</c> (default) or <c>onBehalf</c>, with <c>access</c> = <c>delegate</c> or <c>own</c>. Where the account sends for another address, <c>onBehalf</c> names it as the
/// sender, so that recipients see "on behalf of"; its user name must then be its address. With <c>author</c> the server decides: as the author where the account has Send As, on behalf where it
/// has that right alone.</item>
/// <item><c>delete</c>: what the settlement Delete does: <c>moveToDeletedItems</c> (default), <c>soft</c> (recoverable) or <c>hard</c>.</item>
/// <item><c>autodiscoverTrust</c>: hosts and domains, separated by semicolons, to which Autodiscover may lead beside the mailbox's own domain.</item>
/// </list>
/// Exchange 2010 sends the read receipts senders ask for when the settlement MarkRead is used; later versions are told not to. Exchange makes the MIME content of items anew from their
/// properties: signatures of DKIM do not hold, S/MIME does.
/// </remarks>
public sealed class ExchangeSystem : IMailSystem
{
    private readonly EwsVersions versions = new();
    private readonly AutodiscoverCache discovered = new();

    /// <inheritdoc/>
    public string Name => "Exchange";

    /// <inheritdoc/>
    public MailDoors Doors => MailDoors.Mailbox | MailDoors.Sender | MailDoors.Rules;

    /// <inheritdoc/>
    public bool FindsServer => true;

    /// <inheritdoc/>
    /// <remarks>With hybrid modern authentication the server's own address is the resource.</remarks>
    public string TokenScope(MailEndpoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        string host = endpoint.Url?.Host ?? endpoint.Host;
        return string.IsNullOrEmpty(host) ? "https://outlook.office365.com/.default" : $"https://{host}/.default";
    }

    /// <inheritdoc/>
    public async ValueTask<IMailboxSession> OpenMailboxAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        await OpenAsync<IMailboxSession>(
            endpoint,
            login,
            context,
            async (channel, options, stop) =>
            {
                var paths = new ExchangeFolders(channel);
                var folders = new List<(string, ExchangeFolderId)>();
                foreach (string path in options.Folders)
                    folders.Add((path, await paths.FindAsync(path, create: false, MailStep.OpenMailbox, stop).ConfigureAwait(false)));
                return new ExchangeSession(channel, paths, folders, options, context);
            },
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<IMailSender> OpenSenderAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        await OpenAsync<IMailSender>(
            endpoint,
            login,
            context,
            async (channel, options, stop) =>
            {
                options.CheckSending(login);

                // Proves the log-in and finds the version, so that no message has to be sent twice for that.
                var probe = new EwsCall("GetFolder", MailStep.OpenMailbox, w =>
                    w.Start("m:GetFolder").FolderShape().Start("m:FolderIds").Folder(ExchangeFolderId.SentItems).End().End());
                await channel.AskOneAsync(probe, "to open Sent Items", stop).ConfigureAwait(false);
                return new ExchangeSender(channel, options, login, context);
            },
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<IInboxRules> OpenRulesAsync(MailEndpoint endpoint, MailLogin login, MailContext context, CancellationToken cancellationToken) =>
        await OpenAsync<IInboxRules>(
            endpoint,
            login,
            context,
            async (channel, _, stop) =>
            {
                var rules = new ExchangeInboxRules(channel);
                await rules.ReadAsync(stop).ConfigureAwait(false);
                return rules;
            },
            cancellationToken).ConfigureAwait(false);

    private async ValueTask<T> OpenAsync<T>(
        MailEndpoint endpoint, MailLogin login, MailContext context, Func<EwsChannel, ExchangeOptions, CancellationToken, ValueTask<T>> open, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(login);
        ArgumentNullException.ThrowIfNull(context);
        ExchangeOptions options = ExchangeOptions.Read(endpoint);
        Uri url = await FindAsync(endpoint, login, options, context, cancellationToken).ConfigureAwait(false);
        var channel = new EwsChannel(url, endpoint, login, options, versions, context);
        try
        {
            return await MailSteps.RunAsync(
                context,
                MailStep.OpenMailbox,
                async () =>
                {
                    T opened = await open(channel, options, cancellationToken).ConfigureAwait(false);
                    string server = channel.ServerBuild.Length > 0 ? $", server {channel.ServerBuild}" : string.Empty;
                    return (opened, $"{url}, {channel.Access}{(channel.Scheme.Length > 0 ? $" by {channel.Scheme}" : string.Empty)}, schema {channel.Version}{server}");
                }).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            channel.Dispose();
            if (e is MailException known && ExchangeResponseCodes.IsElsewhere(known.ErrorId))
                discovered.Forget(login);
            throw;
        }
    }

    private async ValueTask<Uri> FindAsync(MailEndpoint endpoint, MailLogin login, ExchangeOptions options, MailContext context, CancellationToken cancellationToken)
    {
        Uri? url = endpoint.Url;
        if (url is null && !string.IsNullOrWhiteSpace(endpoint.Host))
            url = new UriBuilder(endpoint.Tls == TlsMode.None ? "http" : "https", endpoint.Host.Trim(), endpoint.Port ?? -1, "/EWS/Exchange.asmx").Uri;
        if (url is not null)
        {
            if (!url.IsAbsoluteUri || url.Scheme is not ("https" or "http"))
                throw new MailCommandException("MailInvalidOption", MailStep.Resolve, $"\"{url}\" is no address of Exchange Web Services.", "Enter https://SERVER/EWS/Exchange.asmx.");
            if (ExchangeOnline.Is(url.Host))
                throw ExchangeOnline.Error(login.Mailbox, url.Host);
            return url.AbsolutePath is "/" or "" ? new Uri(url, "/EWS/Exchange.asmx") : url;
        }

        if (discovered.Find(login, context.Clock) is { } known)
            return known;
        return await MailSteps.RunAsync(
            context,
            MailStep.Resolve,
            async () =>
            {
                using var client = new AutodiscoverClient(endpoint, login, options, context);
                Uri found = await client.FindAsync(cancellationToken).ConfigureAwait(false);
                discovered.Keep(login, found, context.Clock);
                return (found, $"Autodiscover: {found}");
            }).ConfigureAwait(false);
    }
}
