using EmailRouter.Crm;
using EmailRouter.Mime;
using EmailRouter.Mime.Tnef;

namespace EmailRouter.Routing.Incoming.Forwarding;

/// <summary>A message by which a rule forwards another one as an attachment: the new message comes from the owner of the mailbox, the original is attached.</summary>
internal static class ForwardWrapper
{
    private const string Rule = "ForwardWrapper";

    /// <summary>How many messages are looked for: more than one is no wrapper of a rule anyway.</summary>
    private const int MostEmbedded = 8;

    /// <summary>Lists the messages attached to a message, also those that Outlook packed into a <c>winmail.dat</c>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="evidence">Receives a line for each that had to be made anew from a <c>winmail.dat</c>.</param>
    /// <returns>The messages in order, byte for byte as they are attached.</returns>
    public static IReadOnlyList<MimeMessage> Embedded(MimeMessage message, ICollection<Evidence> evidence)
    {
        var found = new List<MimeMessage>();
        foreach (MimePart part in message.AllParts())
        {
            if (found.Count >= MostEmbedded)
                break;
            if (part.EmbeddedMessage is { } embedded)
            {
                found.Add(embedded);
            }
            else if (!part.IsMultipart && TnefContents.IsTnef(part) && TnefContents.Read(part) is { } packed)
            {
                foreach (TnefAttachment file in packed.Attachments)
                {
                    if (file.Message is not { } inner)
                        continue;
                    found.Add(MimeMessage.Parse(inner.ToMessage()));
                    evidence.Add(new Evidence(Rule, EvidenceVerdict.Note, $"\"{inner.Subject}\" was packed in a winmail.dat: it is made anew from what Outlook kept of it"));
                }
            }
        }

        return found;
    }

    /// <summary>Tells whether a server's rule made a message, as a new one.</summary>
    /// <param name="message">The message.</param>
    /// <returns>True when it says so: a redirected message bears these marks not.</returns>
    public static bool IsGenerated(MimeMessage message) =>
        message.Headers["X-MS-Exchange-Generated-Message-Source"]?.Contains("Rule", StringComparison.OrdinalIgnoreCase) == true
            || message.Headers.Contains("X-MS-Exchange-Parent-Message-Id");

    /// <summary>Tells whether a rule of a mailbox had a hand in a message, whether by a new message or by sending it on.</summary>
    /// <param name="message">The message.</param>
    /// <returns>True when it says so.</returns>
    public static bool IsTouchedByRule(MimeMessage message) => IsGenerated(message) || message.Headers.Contains("X-MS-Exchange-Inbox-Rules-Loop");
}
