using EmailRouter.Mail;

namespace EmailRouter.Routing.Incoming;

/// <summary>A mailbox ready to be polled: how to open it, and what holds for its messages.</summary>
/// <param name="Policy">What holds for its messages.</param>
/// <param name="System">The mail system.</param>
/// <param name="Endpoint">The server.</param>
/// <param name="Login">The credential.</param>
public sealed record PollTarget(MailboxPolicy Policy, IMailSystem System, MailEndpoint Endpoint, MailLogin Login);
