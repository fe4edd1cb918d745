namespace EmailRouter.Crm.Dataverse;

/// <summary>Which columns of emails are asked for.</summary>
internal static class EmailColumns
{
    /// <summary>The columns and expansions of a <see cref="StoredEmail"/>.</summary>
    public const string StoredColumns =
        "$select=activityid,messageid,subject,directioncode,trackingtoken,createdon,statuscode,conversationindex,_regardingobjectid_value" +
        "&$expand=email_activity_parties($select=addressused,participationtypemask),Email_QueueItem($select=_queueid_value)";

    /// <summary>The columns and expansions that a party is read from.</summary>
    public const string Parties = "email_activity_parties($select=participationtypemask,addressused,_partyid_value,donotemail,unresolvedpartyname)";

    /// <summary>The columns and expansions that attachments are read from, without their contents.</summary>
    public const string Attachments =
        "email_activity_mime_attachment($select=activitymimeattachmentid,attachmentnumber,filename,mimetype,filesize,attachmentcontentid)";
}
