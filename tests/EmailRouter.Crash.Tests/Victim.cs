using EmailRouter.Crm;
using EmailRouter.Crm.Embedded;
using EmailRouter.Routing;
using EmailRouter.Routing.Configuration;
using EmailRouter.Routing.Incoming;
using EmailRouter.Routing.Outgoing;

namespace EmailRouter.Crash.Tests;

/// <summary>A process that polls or sends with the real router until it is killed, or, as "drain", until nothing is left to do.</summary>
internal static class Victim
{
    private static readonly TimeSpan pause = TimeSpan.FromMilliseconds(50);

    public static async Task<int> RunAsync(string work, string configuration)
    {
        await using Router router = await Router.OpenAsync(new RouterHostOptions { ConfigurationPath = configuration }, default);
        EmbeddedCrm crm = await router.GetEmbeddedCrmAsync(null, default);
        while (true)
        {
            bool idle = true;
            if (work != "send")
                idle &= await PollAsync(router);
            if (work != "poll")
                idle &= await SendAsync(router, crm);
            if (work == "drain" && idle)
                return 0;
            await Task.Delay(pause);
        }
    }

    private static async Task<bool> PollAsync(Router router)
    {
        bool idle = true;
        await foreach (EffectiveMailbox mailbox in router.GetMailboxesAsync(null, default))
        {
            if (!mailbox.Incoming.IsUsable)
                continue;
            PollResult result = await router.PollAsync(mailbox, new PollOptions(), default);
            if (result.Error is { IsTransient: false } error)
                throw new RouterException(error);
            idle &= result.Status == PollStatus.Completed && result.New == 0 && result.Listed == 0;
        }

        return idle;
    }

    private static async Task<bool> SendAsync(Router router, EmbeddedCrm crm)
    {
        SendResult result = await router.SendAsync(null, new SendOptions(), default);
        if (result.Errors.FirstOrDefault(e => !e.IsTransient) is { } error)
            throw new RouterException(error);
        await foreach (EmailActivity _ in crm.FindEmailsAsync(new EmailFilter { Statuses = [EmailStatus.PendingSend, EmailStatus.Sending], Top = 1 }, default))
            return false;
        return true;
    }
}
