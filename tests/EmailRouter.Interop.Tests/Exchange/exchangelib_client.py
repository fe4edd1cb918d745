"""What the exchangelib package does with a mailbox of the lab's Exchange server. Usage: exchangelib_client.py URL ADDRESS PASSWORD PART"""
import sys
import threading
import warnings

warnings.simplefilter("ignore")

from exchangelib import (
    Account, BASIC, Configuration, Credentials, DELEGATE, ExtendedProperty, FaultTolerance, FileAttachment, HTMLBody, IMPERSONATION, ItemAttachment, Mailbox, Message, Q,
)
from exchangelib.errors import ErrorFolderExists, ErrorItemNotFound
from exchangelib.folders import Messages
from exchangelib.protocol import BaseProtocol
from exchangelib.services.common import EWSAccountService
from exchangelib.util import MNS, TNS, add_xml_child, create_element

BaseProtocol.TIMEOUT = 60


class CrmId(ExtendedProperty):
    distinguished_property_set_id = "PublicStrings"
    property_name = "CrmId"
    property_type = "String"


Message.register("crm_id", CrmId)


def open_account(url, address, password, access=DELEGATE, user=None):
    configuration = Configuration(
        service_endpoint=url, credentials=Credentials(user or address, password), auth_type=BASIC, retry_policy=FaultTolerance(max_wait=20), max_connections=4)
    return Account(primary_smtp_address=address, config=configuration, autodiscover=False, access_type=access)


def read(account):
    assert account.inbox.total_count == 3, account.inbox.total_count
    assert account.inbox.unread_count == 3
    subjects = [m.subject for m in account.inbox.all().order_by("-datetime_received")]
    assert set(subjects) == {"Case one", "Case two", "Anhang für Sie"}, subjects
    assert account.inbox.filter(subject__contains="Case").count() == 2
    assert account.inbox.filter(Q(subject="Case one") | Q(subject="Case two")).count() == 2
    assert account.inbox.filter(Q(subject__startswith="Case") & ~Q(subject="Case one")).get().subject == "Case two"
    assert account.inbox.filter(is_read=True).count() == 0
    one = account.inbox.get(subject="Case one")
    assert one.sender.email_address == "kunde@fabrikam.test", one.sender
    assert one.sender.name == "Kunde", one.sender
    assert one.message_id == "<one@fabrikam.test>", one.message_id
    assert one.text_body.strip() == "The first text.", repr(one.text_body)
    assert [r.email_address for r in one.to_recipients] == [account.primary_smtp_address]
    assert b"X-Case: 4711" in one.mime_content
    assert {h.name: h.value for h in one.headers}["X-Case"] == "4711"
    assert one.datetime_received is not None and not one.is_read and not one.is_draft and one.item_class == "IPM.Note"
    with_files = account.inbox.get(subject="Anhang für Sie")
    assert with_files.has_attachments
    file, inner = sorted(with_files.attachments, key=lambda a: isinstance(a, ItemAttachment))
    assert isinstance(file, FileAttachment) and file.name == "a.txt" and file.content == b"Hello", (file.name, file.content)
    assert isinstance(inner, ItemAttachment) and inner.item.subject == "Inside", inner
    pages = [m.subject for m in account.inbox.all().only("subject").order_by("subject")[1:3]]
    assert pages == ["Case one", "Case two"], pages


def send(account):
    Message(
        account=account, subject="At once", body=HTMLBody("<html><body><p>Grüße</p></body></html>"), to_recipients=[Mailbox(email_address="bert@contoso.test")],
        cc_recipients=["kunde@fabrikam.test"], bcc_recipients=["blind@fabrikam.test"]).send_and_save()
    draft = Message(account=account, folder=account.drafts, subject="By way of Drafts", body="Plain", to_recipients=["kunde@fabrikam.test"])
    draft.attach(FileAttachment(name="b.bin", content=bytes(range(256)), content_type="application/octet-stream"))
    draft.save()
    assert account.drafts.total_count >= 0 and account.drafts.get(subject="By way of Drafts").is_draft
    draft.subject = "By way of Drafts, changed"
    draft.save(update_fields=["subject"])
    draft.send(save_copy=True)
    assert account.drafts.all().count() == 0
    assert {m.subject for m in account.sent.all()} == {"At once", "By way of Drafts, changed"}
    Message(account=account, mime_content=b"From: anna@contoso.test\r\nTo: kunde@fabrikam.test\r\nMessage-ID: <mime@contoso.test>\r\nSubject: MIME\r\n\r\nText\r\n").send()


def manage(account):
    crm = Messages(parent=account.inbox, name="CRM")
    crm.save()
    try:
        Messages(parent=account.inbox, name="crm").save()
        raise AssertionError("A folder of the same name was made.")
    except ErrorFolderExists:
        pass
    account.root.clear_cache()
    assert (account.inbox / "CRM").name == "CRM"
    crm.name = "CRM done"
    crm.save(update_fields=["name"])
    item = account.inbox.get(subject="Case one")
    old = item.id
    item.is_read = True
    item.categories = ["CRM", "Kunde"]
    item.crm_id = "case-4711"
    item.importance = "High"
    item.save(update_fields=["is_read", "categories", "crm_id", "importance"])
    again = account.inbox.get(id=item.id, changekey=item.changekey)
    assert again.is_read and again.categories == ["CRM", "Kunde"] and again.crm_id == "case-4711" and again.importance == "High", again
    assert account.inbox.filter(crm_id="case-4711").count() == 1
    assert account.inbox.filter(categories__contains=["CRM"]).count() == 1
    item.move(crm)
    assert item.id != old
    assert crm.all().count() == 1
    (gone,) = account.fetch([(old, None)])
    assert isinstance(gone, ErrorItemNotFound), gone
    account.inbox.get(subject="Case two").copy(to_folder=crm)
    account.inbox.get(subject="Case two").move_to_trash()
    account.inbox.get(subject="Anhang für Sie").delete()
    assert account.inbox.all().count() == 0
    assert [m.subject for m in account.trash.all()] == ["Case two"]
    empty = Messages(parent=account.inbox, name="Short-lived")
    empty.save()
    empty.delete()


def sync(account):
    first = list(account.inbox.sync_items(only_fields=["subject"], max_changes_returned=2))
    assert len(first) == 3 and all(kind == "create" for kind, _ in first), first
    state = account.inbox.item_sync_state
    items = {m.subject: m for m in account.inbox.all()}
    items["Case one"].is_read = True
    items["Case one"].save(update_fields=["is_read"])
    items["Case two"].categories = ["CRM"]
    items["Case two"].save(update_fields=["categories"])
    items["Anhang für Sie"].delete()
    changes = list(account.inbox.sync_items(sync_state=state, only_fields=["subject"]))
    assert sorted(kind for kind, _ in changes) == ["delete", "read_flag_change", "update"], changes
    assert list(account.inbox.sync_items(only_fields=["subject"])) == []
    folders = list(account.root.sync_hierarchy())
    assert any(f.name == "Inbox" for _, f in folders), folders
    Messages(parent=account.inbox, name="New").save()
    new = list(account.root.sync_hierarchy())
    assert [(kind, f.name) for kind, f in new] == [("create", "New")], new


def notify(account):
    with account.inbox.pull_subscription() as (subscription, watermark):
        Message(account=account, subject="Pulled", body="x", to_recipients=[account.primary_smtp_address]).send()
        names = [e.ELEMENT_NAME for n in account.inbox.get_events(subscription, watermark) for e in n.events]
        assert "NewMailEvent" in names and "CreatedEvent" in names, names
    with account.inbox.streaming_subscription(event_types=["NewMailEvent", "MovedEvent"]) as subscription:
        timer = threading.Timer(1, lambda: Message(account=account, subject="Streamed", body="x", to_recipients=[account.primary_smtp_address]).send())
        timer.start()
        for notification in account.inbox.get_streaming_events(subscription, connection_timeout=1, max_notifications_returned=1):
            event = notification.events[0]
            assert event.ELEMENT_NAME == "NewMailEvent", event
            item = account.inbox.get(id=event.item_id.id)
            assert item.subject == "Streamed", item
        timer.join()


class Rules(EWSAccountService):
    """This version of the package has no rules of its own, so that the requests are written here and go through its transport."""

    def __init__(self, name, account):
        self.SERVICE_NAME = name
        super().__init__(account=account)

    def _response_tag(self):
        return f"{{{MNS}}}{self.SERVICE_NAME}Response"

    def run(self, fill):
        payload = create_element(f"m:{self.SERVICE_NAME}")
        fill(payload)
        (response,) = self._get_response_xml(payload=payload)
        self._get_element_container(message=response)
        return response


def rules(account):
    def new(payload):
        operations = create_element("m:Operations")
        create = create_element("t:CreateRuleOperation")
        rule = create_element("t:Rule")
        add_xml_child(rule, "t:DisplayName", "To the CRM")
        add_xml_child(rule, "t:Priority", 1)
        add_xml_child(rule, "t:IsEnabled", "true")
        conditions = create_element("t:Conditions")
        subjects = create_element("t:ContainsSubjectStrings")
        add_xml_child(subjects, "t:String", "case")
        conditions.append(subjects)
        rule.append(conditions)
        actions = create_element("t:Actions")
        forward = create_element("t:ForwardAsAttachmentToRecipients")
        address = create_element("t:Address")
        add_xml_child(address, "t:EmailAddress", "bert@contoso.test")
        forward.append(address)
        actions.append(forward)
        rule.append(actions)
        create.append(rule)
        operations.append(create)
        payload.append(operations)

    Rules("UpdateInboxRules", account).run(new)
    listed = Rules("GetInboxRules", account).run(lambda payload: add_xml_child(payload, "m:MailboxSmtpAddress", account.primary_smtp_address))
    (rule,) = listed.findall(f".//{{{TNS}}}Rule")
    assert rule.find(f"{{{TNS}}}DisplayName").text == "To the CRM"
    assert rule.find(f".//{{{TNS}}}ForwardAsAttachmentToRecipients//{{{TNS}}}EmailAddress").text == "bert@contoso.test"


def directory(account):
    found = account.protocol.resolve_names(["bert@contoso.test"])
    assert [m.email_address for m in found] == ["bert@contoso.test"], found
    assert account.version.build.major_version == 15, account.version
    assert {f.name for f in account.msg_folder_root.walk()} >= {"Inbox", "Sent Items", "Deleted Items"}, account.root.tree()


if __name__ == "__main__":
    url, address, password, part = sys.argv[1:5]
    if part == "impersonate":
        read(open_account(url, address, "service", IMPERSONATION, "svc-crm"))
    else:
        globals()[part](open_account(url, address, password))
    print("done")
