namespace EmailRouter.Crm.Embedded.Storage;

/// <summary>The file's tables, one script for each version. Scripts are only ever appended.</summary>
/// <remarks>
/// Tables and columns are those of Dataverse where it has them. A lookup to one of several tables takes three columns: id, logical name, name.
/// <c>emailsearch</c> and <c>emailhash</c> are indexes over records and emails, kept by the writes that change those.
/// </remarks>
internal static class Schema
{
    /// <summary><c>PRAGMA application_id</c>: "ERCR".</summary>
    public const int ApplicationId = 0x45524352;

    /// <summary>Gets the scripts.</summary>
    public static IReadOnlyList<string> Migrations { get; } = [Records + Emails, WebApi, Notes];

    private const string Records = """
        CREATE TABLE organization (
            organizationid TEXT PRIMARY KEY, name TEXT NOT NULL, createdon TEXT NOT NULL, emailconnectionchannel INTEGER,
            trackingprefix TEXT, trackingtokenidbase INTEGER, trackingtokeniddigits INTEGER, maximumtrackingnumber INTEGER,
            emailcorrelationenabled INTEGER, enablesmartmatching INTEGER, hashfilterkeywords TEXT, hashmaxcount INTEGER, hashminaddresscount INTEGER,
            hashdeltasubjectcount INTEGER, ignoreinternalemail INTEGER, requireapprovalforuseremail INTEGER, requireapprovalforqueueemail INTEGER,
            unresolveemailaddressifmultiplematch INTEGER, allowunresolvedpartiesonemailsend INTEGER, blockedattachments TEXT, maxuploadfilesize INTEGER,
            orgdborgsettings TEXT,
            emailrouter_usetrackingtoken INTEGER, emailrouter_correlationorder TEXT, emailrouter_smartmatchingmaxagedays INTEGER,
            emailrouter_smartmatchingminwords INTEGER, emailrouter_maxbodylength INTEGER, emailrouter_acceptedmessageclasses TEXT) WITHOUT ROWID;

        CREATE TABLE entity (
            logicalname TEXT PRIMARY KEY, primaryidattribute TEXT NOT NULL, primarynameattribute TEXT NOT NULL, addresscolumns TEXT NOT NULL,
            columns TEXT NOT NULL) WITHOUT ROWID;

        CREATE TABLE systemuser (
            systemuserid TEXT PRIMARY KEY, fullname TEXT, firstname TEXT, lastname TEXT, domainname TEXT, title TEXT,
            internalemailaddress TEXT, personalemailaddress TEXT, mobilealertemail TEXT, emailrouteraccessapproval INTEGER NOT NULL,
            incomingemaildeliverymethod INTEGER NOT NULL, outgoingemaildeliverymethod INTEGER NOT NULL, isdisabled INTEGER NOT NULL, accessmode INTEGER,
            queueid TEXT,
            businessunitid TEXT, emailrouter_usernumber INTEGER NOT NULL UNIQUE, emailrouter_trackingcounter INTEGER NOT NULL DEFAULT 0,
            createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE usersettings (
            systemuserid TEXT PRIMARY KEY REFERENCES systemuser(systemuserid) ON DELETE CASCADE,
            incomingemailfilteringmethod INTEGER NOT NULL, autocreatecontactonpromote INTEGER NOT NULL, issendasallowed INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE queue (
            queueid TEXT PRIMARY KEY, name TEXT, description TEXT, emailaddress TEXT, queueviewtype INTEGER, incomingemaildeliverymethod INTEGER NOT NULL,
            outgoingemaildeliverymethod INTEGER NOT NULL, incomingemailfilteringmethod INTEGER NOT NULL, emailrouteraccessapproval INTEGER NOT NULL,
            ownerid TEXT,
            statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE mailbox (
            mailboxid TEXT PRIMARY KEY, name TEXT, emailaddress TEXT, isforwardmailbox INTEGER NOT NULL, incomingemaildeliverymethod INTEGER NOT NULL,
            emailrouteraccessapproval INTEGER NOT NULL, ownerid TEXT, statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL,
            modifiedon TEXT NOT NULL,
            versionnumber INTEGER NOT NULL);
        CREATE TABLE contact (
            contactid TEXT PRIMARY KEY, fullname TEXT, firstname TEXT, lastname TEXT, telephone1 TEXT, emailaddress1 TEXT, emailaddress2 TEXT,
            emailaddress3 TEXT,
            donotemail INTEGER NOT NULL, donotbulkemail INTEGER, jobtitle TEXT, parentcustomerid TEXT, parentcustomeridtype TEXT, parentcustomeridname TEXT,
            ownerid TEXT, statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE account (
            accountid TEXT PRIMARY KEY, name TEXT, accountnumber TEXT, telephone1 TEXT, emailaddress1 TEXT, emailaddress2 TEXT, emailaddress3 TEXT,
            donotemail INTEGER NOT NULL, donotbulkemail INTEGER, primarycontactid TEXT,
            ownerid TEXT, statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE lead (
            leadid TEXT PRIMARY KEY, fullname TEXT, firstname TEXT, lastname TEXT, telephone1 TEXT, emailaddress1 TEXT, emailaddress2 TEXT, emailaddress3 TEXT,
            donotemail INTEGER NOT NULL, donotbulkemail INTEGER, subject TEXT, companyname TEXT,
            ownerid TEXT, statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE equipment (
            equipmentid TEXT PRIMARY KEY, name TEXT, emailaddress TEXT, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE team (
            teamid TEXT PRIMARY KEY, name TEXT, emailaddress TEXT, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE businessunit (
            businessunitid TEXT PRIMARY KEY, name TEXT, emailaddress TEXT, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE TABLE incident (
            incidentid TEXT PRIMARY KEY, title TEXT, ticketnumber TEXT, description TEXT, customerid TEXT, customeridtype TEXT, customeridname TEXT,
            ownerid TEXT, statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);

        CREATE TABLE emailsearch (
            emailaddress TEXT NOT NULL, parentobjecttypecode TEXT NOT NULL, parentobjectid TEXT NOT NULL, emailcolumn TEXT NOT NULL, name TEXT,
            isactive INTEGER NOT NULL, ownerid TEXT, donotemail INTEGER NOT NULL,
            PRIMARY KEY (emailaddress, parentobjecttypecode, parentobjectid)) WITHOUT ROWID;
        CREATE INDEX emailsearch_parent ON emailsearch (parentobjectid);

        """;

    private const string Emails = """
        CREATE TABLE email (
            emailkey INTEGER PRIMARY KEY, activityid TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, description TEXT NOT NULL, mimetype TEXT NOT NULL,
            directioncode INTEGER NOT NULL, statecode INTEGER NOT NULL, statuscode INTEGER NOT NULL, messageid TEXT, inreplyto TEXT, conversationindex TEXT,
            internetmessageheaders TEXT, trackingtoken TEXT, correlationmethod INTEGER NOT NULL DEFAULT 0, correlatedactivityid TEXT, parentactivityid TEXT,
            correlatedsubjectchanged INTEGER NOT NULL DEFAULT 0, acceptingentityid TEXT, acceptingentitytypecode TEXT, acceptingentityidname TEXT,
            receivingmailboxid TEXT, receivingmailboxtypecode TEXT, receivingmailboxidname TEXT, emailsender TEXT, emailsenderobjecttypecode TEXT,
            emailsendername TEXT,
            isduplicatesenderunresolved INTEGER NOT NULL DEFAULT 0, sender TEXT, submittedby TEXT, torecipients TEXT, regardingobjectid TEXT,
            regardingobjecttypecode TEXT,
            regardingobjectidname TEXT, ownerid TEXT, prioritycode INTEGER NOT NULL, senton TEXT, delayedemailsendtime TEXT, postponeemailprocessinguntil TEXT,
            deliveryattempts INTEGER NOT NULL DEFAULT 0, notifications INTEGER NOT NULL DEFAULT 0, attachmentcount INTEGER NOT NULL DEFAULT 0,
            deliveryreceiptrequested INTEGER NOT NULL DEFAULT 0, readreceiptrequested INTEGER NOT NULL DEFAULT 0, createdon TEXT NOT NULL,
            modifiedon TEXT NOT NULL,
            versionnumber INTEGER NOT NULL DEFAULT 1, emailrouter_receivedon TEXT, emailrouter_conversationid TEXT, emailrouter_size INTEGER NOT NULL DEFAULT 0,
            emailrouter_subjectwords INTEGER NOT NULL DEFAULT 0, emailrouter_failurereason TEXT, emailrouter_claim TEXT, emailrouter_claimedon TEXT,
            emailrouter_wasstuck INTEGER NOT NULL DEFAULT 0);
        CREATE UNIQUE INDEX email_messageid_incoming ON email (messageid) WHERE directioncode = 0;
        CREATE INDEX email_messageid ON email (messageid, directioncode) WHERE messageid IS NOT NULL;
        CREATE INDEX email_trackingtoken ON email (trackingtoken COLLATE NOCASE, createdon) WHERE trackingtoken IS NOT NULL;
        CREATE INDEX email_conversation ON email (emailrouter_conversationid, createdon) WHERE emailrouter_conversationid IS NOT NULL;
        CREATE INDEX email_pending ON email (emailsender, prioritycode DESC, createdon) WHERE statuscode = 6;
        CREATE INDEX email_sending ON email (emailrouter_claimedon) WHERE statuscode = 7;
        CREATE INDEX email_createdon ON email (createdon);
        CREATE INDEX email_regarding ON email (regardingobjectid) WHERE regardingobjectid IS NOT NULL;

        CREATE TABLE activityparty (
            activitypartyid INTEGER PRIMARY KEY, emailkey INTEGER NOT NULL REFERENCES email(emailkey) ON DELETE CASCADE, participationtypemask INTEGER NOT NULL,
            addressused TEXT,
            partyid TEXT, partyobjecttypecode TEXT, partyidname TEXT, unresolvedpartyname TEXT, donotemail INTEGER NOT NULL);
        CREATE INDEX activityparty_email ON activityparty (emailkey);
        CREATE INDEX activityparty_address ON activityparty (addressused COLLATE NOCASE);

        CREATE TABLE attachment (
            attachmentkey INTEGER PRIMARY KEY, attachmentid TEXT NOT NULL UNIQUE, contenthash BLOB NOT NULL UNIQUE, filesize INTEGER NOT NULL);
        CREATE TABLE attachmentbody (
            attachmentkey INTEGER NOT NULL REFERENCES attachment(attachmentkey) ON DELETE CASCADE, number INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (attachmentkey, number));
        CREATE TABLE activitymimeattachment (
            activitymimeattachmentid TEXT PRIMARY KEY, emailkey INTEGER NOT NULL REFERENCES email(emailkey) ON DELETE CASCADE,
            objecttypecode TEXT NOT NULL DEFAULT 'email',
            attachmentnumber INTEGER NOT NULL, filename TEXT NOT NULL, mimetype TEXT NOT NULL, filesize INTEGER NOT NULL, attachmentcontentid TEXT,
            attachmentkey INTEGER NOT NULL REFERENCES attachment(attachmentkey));
        CREATE INDEX activitymimeattachment_email ON activitymimeattachment (emailkey, attachmentnumber);
        CREATE INDEX activitymimeattachment_attachment ON activitymimeattachment (attachmentkey);

        CREATE TABLE queueitem (
            queueitemid TEXT PRIMARY KEY, queueid TEXT NOT NULL REFERENCES queue(queueid), objectid TEXT NOT NULL, objecttypecode TEXT NOT NULL,
            title TEXT NOT NULL,
            sender TEXT, torecipients TEXT, priority INTEGER NOT NULL, workerid TEXT, enteredon TEXT NOT NULL, statecode INTEGER NOT NULL,
            statuscode INTEGER NOT NULL,
            UNIQUE (objectid, queueid));
        CREATE INDEX queueitem_queue ON queueitem (queueid, enteredon);

        CREATE TABLE emailhash (
            hashtype INTEGER NOT NULL, hash INTEGER NOT NULL, createdon INTEGER NOT NULL,
            emailkey INTEGER NOT NULL REFERENCES email(emailkey) ON DELETE CASCADE,
            PRIMARY KEY (hashtype, hash, createdon, emailkey)) WITHOUT ROWID;
        CREATE INDEX emailhash_email ON emailhash (emailkey);

        CREATE TABLE emailrouter_sendershare (
            senderid TEXT PRIMARY KEY, deficit INTEGER NOT NULL, turn INTEGER NOT NULL) WITHOUT ROWID;
        """;

    private const string WebApi = """
        ALTER TABLE organization ADD COLUMN versionnumber INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE organization ADD COLUMN modifiedon TEXT;
        ALTER TABLE queueitem ADD COLUMN versionnumber INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE queueitem ADD COLUMN modifiedon TEXT;
        ALTER TABLE activitymimeattachment ADD COLUMN versionnumber INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE activitymimeattachment ADD COLUMN subject TEXT;
        ALTER TABLE systemuser ADD COLUMN applicationid TEXT;
        ALTER TABLE systemuser ADD COLUMN azureactivedirectoryobjectid TEXT;
        ALTER TABLE systemuser ADD COLUMN islicensed INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE systemuser ADD COLUMN defaultmailbox TEXT;
        ALTER TABLE queue ADD COLUMN defaultmailbox TEXT;
        ALTER TABLE mailbox ADD COLUMN outgoingemaildeliverymethod INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN emailserverprofile TEXT;
        ALTER TABLE mailbox ADD COLUMN regardingobjectid TEXT;
        ALTER TABLE mailbox ADD COLUMN regardingobjectidtype TEXT;
        ALTER TABLE mailbox ADD COLUMN regardingobjectidname TEXT;
        ALTER TABLE mailbox ADD COLUMN enabledforincoming INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN enabledforoutgoing INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN incomingemailstatus INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN outgoingemailstatus INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN processanddeleteemails INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN processemailreceivedafter TEXT;
        ALTER TABLE mailbox ADD COLUMN testemailconfigurationscheduled INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mailbox ADD COLUMN testmailboxaccesscompletedon TEXT;
        CREATE TABLE emailserverprofile (
            emailserverprofileid TEXT PRIMARY KEY, name TEXT, description TEXT, servertype INTEGER, incomingcredentialretrieval INTEGER,
            outgoingcredentialretrieval INTEGER, incomingauthenticationprotocol INTEGER, outgoingauthenticationprotocol INTEGER, incomingserverlocation TEXT,
            outgoingserverlocation TEXT, useautodiscover INTEGER NOT NULL, incomingportnumber INTEGER, outgoingportnumber INTEGER, incomingusessl INTEGER NOT NULL,
            outgoingusessl INTEGER NOT NULL, incominguseimpersonation INTEGER NOT NULL, outgoinguseimpersonation INTEGER NOT NULL, incomingusername TEXT,
            outgoingusername TEXT, exchangeversion INTEGER, processemailsreceivedafter TEXT, moveundeliveredemails INTEGER NOT NULL,
            minpollingintervalinminutes INTEGER, maxconcurrentconnections INTEGER, timeoutmailboxconnection INTEGER NOT NULL,
            timeoutmailboxconnectionafteramount INTEGER, sendemailalert INTEGER NOT NULL, encodingcodepage TEXT,
            usesamesettingsforoutgoingconnections INTEGER NOT NULL, exchangeonlinetenantid TEXT,
            ownerid TEXT, statecode INTEGER NOT NULL, statuscode INTEGER, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        """;

    private const string Notes = """
        CREATE TABLE annotation (
            annotationid TEXT PRIMARY KEY, subject TEXT, notetext TEXT, objectid TEXT, objectidtype TEXT, objectidname TEXT, objecttypecode TEXT,
            ownerid TEXT, createdon TEXT NOT NULL, modifiedon TEXT NOT NULL, versionnumber INTEGER NOT NULL);
        CREATE INDEX annotation_object ON annotation (objectid);
        CREATE TRIGGER email_annotation AFTER DELETE ON email BEGIN
            DELETE FROM annotation WHERE objectid = OLD.activityid;
        END;
        """;
}
