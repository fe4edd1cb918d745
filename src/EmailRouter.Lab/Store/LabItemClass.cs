using EmailRouter.Mime;
using EmailRouter.Mime.Reports;

namespace EmailRouter.Lab.Store;

/// <summary>The item class that Exchange gives to a message for what its content is.</summary>
public static class LabItemClass
{
    /// <summary>Ordinary mail.</summary>
    public const string Note = "IPM.Note";

    /// <summary>Derives the item class.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The class, e.g. <c>REPORT.IPM.Note.NDR</c>; <see cref="Note"/> for whatever is nothing else.</returns>
    public static string Of(MimeMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        ContentType type = message.Root.ContentType;
        if (DeliveryStatus.Read(message) is { } report)
        {
            return report.WorstAction switch
            {
                DeliveryAction.Delivered => "REPORT.IPM.Note.DR",
                DeliveryAction.Delayed => "REPORT.IPM.Note.DelayedDR",
                DeliveryAction.Relayed => "REPORT.IPM.Note.RelayedDR",
                DeliveryAction.Expanded => "REPORT.IPM.Note.ExpandedDR",
                _ => "REPORT.IPM.Note.NDR",
            };
        }

        if (message.AllParts().Any(p => p.ContentType.Is("message", "disposition-notification")))
            return "REPORT.IPM.Note.IPNRN";
        if (type.Is("application", "pkcs7-mime") || type.Is("application", "x-pkcs7-mime"))
            return "IPM.Note.SMIME";
        if (type.Is("multipart", "signed"))
            return "IPM.Note.SMIME.MultipartSigned";
        if (message.AllParts().FirstOrDefault(p => p.ContentType.Is("text", "calendar")) is { } part && CalendarPart.Read(part) is { Method: { } method })
        {
            return method.ToUpperInvariant() switch
            {
                "REQUEST" => "IPM.Schedule.Meeting.Request",
                "CANCEL" => "IPM.Schedule.Meeting.Canceled",
                "REPLY" when part.GetText().Contains("PARTSTAT=DECLINED", StringComparison.OrdinalIgnoreCase) => "IPM.Schedule.Meeting.Resp.Neg",
                "REPLY" when part.GetText().Contains("PARTSTAT=TENTATIVE", StringComparison.OrdinalIgnoreCase) => "IPM.Schedule.Meeting.Resp.Tent",
                "REPLY" => "IPM.Schedule.Meeting.Resp.Pos",
                _ => Note,
            };
        }

        return Note;
    }
}
